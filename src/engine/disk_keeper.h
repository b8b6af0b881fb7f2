// Keeps a cache folder within its limit, whoever else writes there.
#pragma once

#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include "base/stopwatch.h"
#include "engine/cache_folder.h"
#include "engine/page_worth.h"

namespace dsa {

/// Saves one model's pages, and lets go those of least worth (page_worth.h), whichever model's, when all of
/// them pass the limit.  Other processes do the same in the same folder: what they add and remove is seen
/// when this one looks again.  One thread at a time.
class DiskKeeper {
 public:
  struct Options {
    std::filesystem::path cache;
    std::int64_t limit_bytes = 0;
    PageKey root = {};
    CachedModel model;
  };
  /// Touches nothing yet.
  DiskKeeper(FileCalls& calls, Options options);

  /// Makes the folder, sweeps it, and looks at what is there.
  std::error_code prepare();
  /// Then there may be pages less; this one too, if it is worth least.
  std::error_code save(const PageName& name, std::span<const std::byte> bytes);
  /// What is there now, of all models.
  void look();

  [[nodiscard]] std::int64_t pages() const { return static_cast<std::int64_t>(kept_.size()); }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  [[nodiscard]] std::int64_t damaged() const { return damaged_; }  // found so far, and removed

 private:
  struct Kept {
    KeptPage page;
    std::filesystem::path folder;
  };
  void add(const Kept& kept);
  void make_room();

  FileCalls& calls_;
  Options options_;
  std::filesystem::path folder_;  // of options_.root
  std::map<PageKey, Kept> kept_;
  std::int64_t bytes_ = 0;  // of kept_
  std::int64_t damaged_ = 0;
  Stopwatch looked_;
};

}  // namespace dsa
