// Models known by name.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace dsa::cli {

struct CatalogueEntry {
  std::string_view name;
  std::string_view file;     // below $DSA_HOME/models or, if it comes with dsa, a folder of shipped_models()
  std::string_view fetched;  // how it gets there; "": it comes with dsa
};
std::span<const CatalogueEntry> catalogue();

/// MODEL of the command line: a name from the catalogue, else the path of a folder or a .gguf file.  (A
/// folder that has a catalogue name is meant by ./NAME.)  Throws Error if there is nothing there.
std::filesystem::path resolve_model(std::string_view model);

/// Where models and indexers lie that come with dsa: the source folder's models/, and where it is installed.
std::vector<std::filesystem::path> shipped_models();

}  // namespace dsa::cli
