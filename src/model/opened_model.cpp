#include "model/opened_model.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/numeric.h"
#include "checkpoint/config_topk.h"
#include "checkpoint/fingerprint.h"
#include "checkpoint/indexer_folder.h"

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
        warn("{}: this indexer is passed over: {}", printable(folder.string(), 1000), error.what());
      }
  return std::nullopt;
}

std::optional<IndexerFolder> choose(const ModelFiles& files, const LoadOptions& options) {
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

OpenedModel with_indexer(ModelFiles files, const LoadOptions& options) {
  OpenedModel out{.files = std::move(files)};
  if (!options.use_indexer) {
    out.files.config.indexer.reset();
  } else if (auto indexer = choose(out.files, options)) {
    out.files.config.indexer = indexer->config;
    out.indexer_folder = indexer->path;
    out.indexer_tensors = std::move(indexer->tensors);
  }
  set_indexer(options, out.files.config);
  return out;
}

void set_indexer(const LoadOptions& options, ModelConfig& config) {
  if (options.int8_keys) {
    if (!config.indexer) fail("`index_keys` int8: this model has no indexer in use that has keys");
    if (options.compute != Compute::automatic)
      fail("`index_keys` int8: only with `compute` auto, the others round less");
    config.indexer->int8_keys = true;
  }
  std::vector<std::int64_t> list = options.topk_layers;
  if (list.empty()) return;
  if (!config.indexer) fail("`index_topk_layers`: this model has no indexer in use to select with");
  if (list.size() == 1) list.resize(usize(config.num_hidden_layers), list[0]);
  set_index_topk(*config.indexer, list, config.num_hidden_layers, "`index_topk_layers`");
}

void check_run(const RunOptions& run, const ModelConfig& config) {
  if (run.attention == AttentionMode::sparse && !config.indexer)
    fail("`attention` sparse: this model has no indexer in use: give it one, or choose auto or dense");
  if (run.topk != 0 && !config.indexer)
    fail("`index_topk` {}: this model has no indexer in use to select with", run.topk);
  if (run.topk < 0) fail("`index_topk` {}: expected 1 or more", run.topk);
}

}  // namespace dsa
