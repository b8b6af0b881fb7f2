#include "cli/catalogue.h"

#include <array>
#include <string>

#include "base/env.h"
#include "base/error.h"
#include "base/present.h"

namespace dsa::cli {
namespace {

constexpr std::array<CatalogueEntry, 2> kCatalogue{{
    {"smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "type ./run or tools/fetch_model in the source folder"},
    {"tiny-v32", "tiny-v32", ""},
}};

std::string names() {
  std::string out;
  for (const auto& entry : kCatalogue) out += (out.empty() ? "" : ", ") + std::string(entry.name);
  return out;
}

std::filesystem::path path_of(const CatalogueEntry& entry) {
  if (!entry.fetched.empty()) {
    auto path = dsa_home() / "models" / entry.file;
    if (!present(path))
      fail("model {}: {} is not there yet: {}", entry.name, printable(path.string()), entry.fetched);
    return path;
  }
  const auto folders = shipped_models();
  for (const auto& folder : folders)
    if (present(folder / entry.file)) return folder / entry.file;
  fail("model {}: it comes with dsa, but is neither in {} nor in {}: install dsa again", entry.name,
       printable(folders[0].string()), printable(folders[1].string()));
}

}  // namespace

std::span<const CatalogueEntry> catalogue() { return kCatalogue; }

std::filesystem::path resolve_model(std::string_view model) {
  for (const auto& entry : kCatalogue)
    if (entry.name == model) return path_of(entry);
  std::filesystem::path path(model);
  if (!present(path))
    fail("model {}: no such folder or .gguf file, and no name that is built in ({})", printable(model),
         names());
  return path;
}

std::vector<std::filesystem::path> shipped_models() { return {DSA_SOURCE_MODELS, DSA_INSTALLED_MODELS}; }

}  // namespace dsa::cli
