// Pages on disk: what was read once is read for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/cache_folder.h"
#include "engine/file_calls.h"
#include "engine/page_store.h"

namespace dsa {

struct DiskOptions {
  std::filesystem::path cache;  // cache_folder.h; made if it is not there
  std::int64_t limit_bytes = 0;
  PageKey root = {};  // of the loaded model, whatever the tenant: pages of all tenants lie side by side
  CachedModel model;
  std::int64_t queue_bytes = std::int64_t{64} << 20;  // of pages that wait to be written
  std::chrono::milliseconds retry{60'000};            // after an error
  std::chrono::milliseconds finish{10'000};           // for what waits when the store ends
  FileCalls* calls = &file_calls();                   // lives longer
};

/// Counts are since the store began.
struct DiskStatus {
  std::int64_t pages = 0, bytes = 0;  // in the folder, of all models, as of the last look
  std::int64_t hits = 0, misses = 0;  // pages that were there, and not
  std::int64_t damaged = 0;           // files that were no whole page, or not the one of their name
  std::int64_t written = 0;           // pages
  std::int64_t dropped = 0;           // pages that were taken and not written
  bool paused = false;                // the disk is full, or fails
};

/// Writes by a thread of its own that runs when nothing else wants to; looks and reads in the caller's, which
/// is the engine's.  Nothing that the disk does throws, or stops the engine: when it fails the store pauses,
/// says so once, and tries again later.  Several stores, of several processes, may share a folder.
class DiskStore final : public PageStore {
 public:
  explicit DiskStore(DiskOptions options);
  DiskStore(const DiskStore&) = delete;
  DiskStore& operator=(const DiskStore&) = delete;
  /// Writes what waits, as far as DiskOptions::finish allows.
  ~DiskStore() override;

  bool contains(const PageKey& key) override;
  bool get(const PageName& name, std::span<std::byte> to) override;
  bool offer(const PageName& name, std::span<const std::byte> bytes) override;

  /// From any thread.
  [[nodiscard]] DiskStatus status() const;
  /// Returns when nothing waits any more, or the store has paused.
  void flush();

 private:
  struct Waiting;
  std::shared_ptr<const Waiting> waiting(const PageKey& key) const;
  void write();  // the thread
  void pause(std::unique_lock<std::mutex>& lock, const std::error_code& why);

  const DiskOptions options_;
  const std::filesystem::path folder_;  // of the root

  mutable std::mutex mutex_;  // all below
  std::condition_variable work_, idle_;
  std::deque<std::shared_ptr<const Waiting>> queue_;  // the first may be being written
  std::map<PageKey, std::shared_ptr<const Waiting>> by_key_;
  std::int64_t queued_bytes_ = 0;
  DiskStatus status_;
  bool looked_ = false;  // at the folder, for the first time
  bool warned_ = false;
  bool stop_ = false;
  std::chrono::steady_clock::time_point stop_by_ = {};

  std::thread thread_;
};

}  // namespace dsa
