#include "accounts/meter.h"

#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace dsa::accounts {
namespace {

constexpr std::chrono::seconds kTryAgain{1};

}  // namespace

Meter::Meter(AccountStore& store) : store_(store), thread_([this] { work(); }) {}

Meter::~Meter() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Meter::put(const RowChange& change, Then then) {
  {
    const std::scoped_lock lock(mutex_);
    entries_.push_back({change, std::move(then)});
  }
  changed_.notify_all();
}

void Meter::flush(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [&] { return entries_.empty() && !busy_; });
}

bool Meter::write(std::vector<Entry>& entries) {
  std::vector<RowChange> changes = again_;
  for (const Entry& entry : entries) changes.push_back(entry.change);
  try {
    store_.change(changes);
    again_.clear();
    return true;
  } catch (const Error& error) {
    warn("the ledger cannot be written, and answers end with an error: {}", error.what());
  }
  for (const Entry& entry : entries) {
    if (entry.change.status.empty()) continue;
    RowChange failed = entry.change;
    failed.tokens = {};
    failed.cost = 0;
    failed.status = "failed";
    again_.push_back(failed);
  }
  return false;
}

void Meter::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto something = [&] { return stop_ || !entries_.empty(); };
    if (again_.empty())
      changed_.wait(lock, something);
    else
      changed_.wait_for(lock, kTryAgain, something);
    if (stop_ && entries_.empty()) return;
    std::vector<Entry> entries = std::exchange(entries_, {});
    busy_ = true;
    lock.unlock();
    const bool written = write(entries);
    for (const Entry& entry : entries)
      if (entry.then) entry.then(written);
    entries.clear();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace dsa::accounts
