// Where pages lie on disk.
//
//   cache/              $DSA_HOME/cache, its owner's alone
//     16 digits/        a model in one arithmetic: as the key of its root begins
//       model.json      {"model": ..., "weights": ...}, for people
//       64 digits       a page, by its key (page_file.h)
//
// A file's time of modification is what the page's uses are worth (page_worth.h), its time of access when it
// was last used: so they outlast a restart, and are the same for all processes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file_calls.h"
#include "engine/page_store.h"

namespace dsa {

/// $DSA_HOME/cache.
std::filesystem::path default_cache_folder();
/// 4 GiB, or a tenth of what the disk would have free without this cache, if that is less.
std::int64_t default_cache_bytes(const std::filesystem::path& cache);

std::filesystem::path model_folder(const std::filesystem::path& cache, const PageKey& root);
std::filesystem::path page_path(const std::filesystem::path& model_folder, const PageKey& key);

/// Those that are there, by name.  A folder that cannot be read is empty.
std::vector<std::filesystem::path> model_folders(const std::filesystem::path& cache);

struct PageOnDisk {
  PageKey key = {};
  std::int64_t bytes = 0;  // of its file
  double uses = 0;         // as used_again()
  double last_use = 0;     // seconds since 1970
};
/// In any order; other files are left out.
std::vector<PageOnDisk> pages_in(const std::filesystem::path& model_folder);

/// The page is used now.
void touch_page(FileCalls& calls, const std::filesystem::path& path);

struct CachedModel {
  std::string model;    // as a person calls it
  std::string weights;  // weights_digest()
};
/// Writes model.json, unless it is there.  Throws Error.
void describe_model(const std::filesystem::path& model_folder, const CachedModel& about);
/// Empty where that says nothing.
CachedModel described_model(const std::filesystem::path& model_folder);
/// Removes a folder that holds no page and no file of anybody else's.
void remove_if_empty(const std::filesystem::path& model_folder);

}  // namespace dsa
