#include "model/attach_indexer.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/fingerprint.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders_in(const fs::path& parent) {
  std::vector<fs::path> out;
  std::error_code error;  // a parent that is not there holds none
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error))
    if (std::error_code ignored; fs::exists(entry->path() / "indexer.safetensors", ignored))
      out.push_back(entry->path());
  std::ranges::sort(out);
  return out;
}

std::optional<IndexerFolder> find_for(const ModelFiles& files, std::span<const fs::path> parents) {
  std::string wanted;
  for (const fs::path& parent : parents)
    for (const fs::path& folder : folders_in(parent)) try {
        IndexerFolder indexer = open_indexer_folder(folder);
        if (indexer.base_model.hidden_size != files.config.hidden_size) continue;
        if (wanted.empty()) wanted = fingerprint(*files.tensors, files.config);
        if (indexer.base_model.fingerprint != wanted) continue;
        check_indexer_fits(indexer, files, FingerprintCheck::enforce);
        return indexer;
      } catch (const Error& error) {
        spdlog::warn("{}: this indexer is passed over: {}", printable(folder.string(), 1000), error.what());
      }
  return std::nullopt;
}

std::optional<IndexerFolder> choose(const ModelFiles& files, const ModelOptions& options) {
  if (!options.indexer) {
    if (files.config.indexer || files.config.mla) return std::nullopt;
    return find_for(files, options.indexer_folders);
  }
  IndexerFolder indexer = open_indexer_folder(*options.indexer);
  check_indexer_fits(indexer, files,
                     options.force_indexer ? FingerprintCheck::skip : FingerprintCheck::enforce);
  return indexer;
}

}  // namespace

std::optional<IndexerFolder> attach_indexer(ModelFiles& files, const ModelOptions& options) {
  if (!options.use_indexer) return std::nullopt;
  auto indexer = choose(files, options);
  if (indexer) files.config.indexer = indexer->config;
  return indexer;
}

}  // namespace dsa
