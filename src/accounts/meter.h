// Writes the rows of requests that run, so that nobody who computes waits for a disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "accounts/account_store.h"

namespace dsa::accounts {

/// Changes of rows, written in order by a thread of its own, all that have gathered in one transaction.
/// Thread-safe.
class Meter {
 public:
  /// Called on the meter's thread once the change is in the store, or, with false, once it is known that it
  /// cannot be written.  It must not throw.
  using Then = std::function<void(bool written)>;

  explicit Meter(AccountStore& store);
  /// What was put is written.
  ~Meter();
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// A row that was to end, and could not be written, costs nothing, since whoever waits is told so: that it
  /// has failed is tried again until it is in the store.
  void put(const RowChange& change, Then then);
  /// Waits until all that was put is dealt with, for so long at most.
  void flush(std::chrono::milliseconds most);

 private:
  struct Entry {
    RowChange change;
    Then then;
  };
  void work();
  bool write(std::vector<Entry>& entries);

  AccountStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  std::vector<RowChange> again_;  // the thread's own
  bool busy_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace dsa::accounts
