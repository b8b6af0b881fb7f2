#include "engine/cache_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/atomic_file.h"
#include "base/env.h"
#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "engine/page_worth.h"
#include "engine/prefix_key.h"

namespace dsa {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFolderDigits = 16;
constexpr std::string_view kDescription = "model.json";

bool is_hex(std::string_view name, std::size_t digits) {
  return name.size() == digits && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

PageKey key_of(std::string_view digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  PageKey key;
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::byte>(16 * value(digits[2 * i]) + value(digits[2 * i + 1]));
  return key;
}

double seconds(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
timespec time_of(double seconds) {
  const double whole = std::floor(seconds);
  return {.tv_sec = static_cast<time_t>(whole), .tv_nsec = static_cast<long>((seconds - whole) * 1e9)};
}

// f(path) for what lies in a folder, as far as it can be read.
template <class F>
void for_each_entry(const fs::path& folder, const F& f) {
  std::error_code none;
  for (fs::directory_iterator at(folder, none), end; !none && at != end; at.increment(none)) f(at->path());
}

}  // namespace

fs::path default_cache_folder() { return dsa_home() / "cache"; }

std::int64_t default_cache_bytes(const fs::path& cache) {
  constexpr std::int64_t kMost = std::int64_t{4} << 30;
  std::int64_t used = 0;
  for (const auto& folder : model_folders(cache))
    for (const auto& page : pages_in(folder)) used += page.bytes;
  // The folder may be made later, in the nearest one above it that is there.
  std::error_code none;
  fs::path there = fs::absolute(cache, none);
  while (there.has_relative_path() && !fs::exists(there, none)) there = there.parent_path();
  const fs::space_info space = fs::space(there, none);
  if (none) return kMost;
  const auto most = static_cast<std::uintmax_t>(kMost);
  return static_cast<std::int64_t>(
      std::min(most, (space.available + static_cast<std::uintmax_t>(used)) / 10));
}

fs::path model_folder(const fs::path& cache, const PageKey& root) {
  return cache / hex(root).substr(0, kFolderDigits);
}

fs::path page_path(const fs::path& model_folder, const PageKey& key) { return model_folder / hex(key); }

std::vector<fs::path> model_folders(const fs::path& cache) {
  std::vector<fs::path> folders;
  for_each_entry(cache, [&](const fs::path& path) {
    std::error_code none;
    if (is_hex(path.filename().string(), kFolderDigits) && fs::is_directory(fs::symlink_status(path, none)))
      folders.push_back(path);
  });
  std::ranges::sort(folders);
  return folders;
}

std::vector<PageOnDisk> pages_in(const fs::path& model_folder) {
  std::vector<PageOnDisk> pages;
  for_each_entry(model_folder, [&](const fs::path& path) {
    const std::string name = path.filename().string();
    struct stat file {};
    if (!is_hex(name, 2 * std::tuple_size_v<PageKey>) || ::lstat(path.c_str(), &file) != 0 ||
        !S_ISREG(file.st_mode))
      return;
    pages.push_back({.key = key_of(name),
                     .bytes = file.st_size,
                     .uses = seconds(file.st_mtim),
                     .last_use = seconds(file.st_atim)});
  });
  return pages;
}

void touch_page(FileCalls& calls, const fs::path& path) {
  const int fd = calls.open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd < 0) return;
  struct stat file {};
  if (calls.fstat(fd, file) == 0) {
    const double used = moment_now();
    const timespec times[] = {time_of(used), time_of(used_again(seconds(file.st_mtim), used))};
    calls.futimens(fd, times);
  }
  calls.close(fd);
}

void describe_model(const fs::path& model_folder, const CachedModel& about) {
  const fs::path path = model_folder / kDescription;
  std::error_code none;
  if (fs::exists(path, none)) return;
  const nlohmann::ordered_json text{{"model", about.model}, {"weights", about.weights}};
  write_file(path, json_text(text, 2) + "\n");
}

CachedModel described_model(const fs::path& model_folder) {
  const fs::path path = model_folder / kDescription;
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  CachedModel about;
  try {
    const nlohmann::json json = parse_json(text, who(path), {.max_bytes = 1 << 16});
    if (json.is_object()) {
      if (json.contains("model") && json["model"].is_string()) about.model = json["model"];
      if (json.contains("weights") && json["weights"].is_string()) about.weights = json["weights"];
    }
  } catch (const Error&) {  // written by another program, or half: the pages speak for themselves
  }
  return about;
}

void remove_if_empty(const fs::path& model_folder) {
  bool described_alone = true;
  for_each_entry(model_folder,
                 [&](const fs::path& path) { described_alone &= path.filename() == kDescription; });
  if (!described_alone) return;
  std::error_code none;
  fs::remove(model_folder / kDescription, none);
  fs::remove(model_folder, none);  // only if it is empty
}

}  // namespace dsa
