// Models known by name.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace dsa::cli {

struct CatalogueEntry {
  std::string_view name;
  std::string_view file;     // below $DSA_HOME/models
  std::string_view fetched;  // how it gets there
};
std::span<const CatalogueEntry> catalogue();

/// MODEL of the command line: a name from the catalogue, else the path of a folder or a .gguf file.  (A
/// folder that has a catalogue name is meant by ./NAME.)  Throws Error if there is nothing there.
std::filesystem::path resolve_model(std::string_view model);

}  // namespace dsa::cli
