#include "cli/catalogue.h"

#include <array>
#include <string>

#include "base/env.h"
#include "base/error.h"

namespace dsa::cli {
namespace {

constexpr std::array<CatalogueEntry, 1> kCatalogue{{
    {"smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "type ./run or tools/fetch_model in the source folder"},
}};

std::string names() {
  std::string out;
  for (const auto& entry : kCatalogue) out += (out.empty() ? "" : ", ") + std::string(entry.name);
  return out;
}

}  // namespace

std::span<const CatalogueEntry> catalogue() { return kCatalogue; }

std::filesystem::path resolve_model(std::string_view model) {
  for (const auto& entry : kCatalogue) {
    if (entry.name != model) continue;
    auto path = dsa_home() / "models" / entry.file;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
      fail("model {}: {} is not there yet: {}", entry.name, printable(path.string()), entry.fetched);
    return path;
  }
  std::filesystem::path path(model);
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    fail("model {}: no such folder or .gguf file, and no name that is built in ({}){}", printable(model),
         names(), error ? ": " + error.message() : "");
  return path;
}

std::vector<std::filesystem::path> shipped_indexer_folders() {
  return {DSA_SOURCE_MODELS, DSA_INSTALLED_MODELS};
}

}  // namespace dsa::cli
