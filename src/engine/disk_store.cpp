#include "engine/disk_store.h"

#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/who.h"
#include "engine/disk_keeper.h"
#include "engine/page_file.h"

namespace dsa {
namespace {

// Only when no other thread wants the processor: a page that is written later is no loss.
void run_when_idle() {
#ifdef SCHED_IDLE
  const sched_param none{};
  (void)::sched_setscheduler(0, SCHED_IDLE, &none);
#endif
}

// A thread that no signal meets: Ctrl-C is the terminal's business, and a file past the process's limit is an
// error of write() and not its end.
template <class F>
std::thread thread_without_signals(F&& f) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(std::forward<F>(f));
  } catch (const std::system_error&) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

// What the writer does may need memory; when there is none it waits as for a disk.
template <class F>
std::error_code attempt(const F& f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  }
}

}  // namespace

struct DiskStore::Waiting {
  PageName name;
  std::vector<std::int32_t> tokens;
  std::vector<std::byte> bytes;

  Waiting(const PageName& of, std::span<const std::byte> from)
      : name(of), tokens(of.tokens.begin(), of.tokens.end()), bytes(from.begin(), from.end()) {
    name.tokens = tokens;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
};

DiskStore::DiskStore(DiskOptions options)
    : options_(std::move(options)), folder_(model_folder(options_.cache, options_.root)) {
  thread_ = thread_without_signals([this] { write(); });
  if (!thread_.joinable()) {
    warn("{}: no thread can be started to write there: pages are read alone", who(options_.cache));
    status_.paused = true;
  }
}

DiskStore::~DiskStore() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    stop_by_ = std::chrono::steady_clock::now() + options_.finish;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const DiskStore::Waiting> DiskStore::waiting(const PageKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto at = by_key_.find(key);
  return at == by_key_.end() ? nullptr : at->second;
}

bool DiskStore::contains(const PageKey& key) {
  if (waiting(key) != nullptr) return true;
  std::error_code none;
  if (std::filesystem::exists(page_path(folder_, key), none)) return true;
  const std::lock_guard lock(mutex_);
  ++status_.misses;
  return false;
}

bool DiskStore::get(const PageName& name, std::span<std::byte> to) {
  PageRead read = PageRead::missing;
  if (const auto page = waiting(name.key)) {
    if (std::ranges::equal(page->tokens, name.tokens) && page->bytes.size() == to.size()) {
      std::ranges::copy(page->bytes, to.begin());
      read = PageRead::found;
    }
  } else {
    const std::filesystem::path path = page_path(folder_, name.key);
    read = read_page(*options_.calls, path, name, to);
    if (read == PageRead::found)
      touch_page(*options_.calls, path);
    else if (read != PageRead::missing && read != PageRead::failed)
      options_.calls->unlink(path.c_str());
  }
  const std::lock_guard lock(mutex_);
  ++(read == PageRead::found ? status_.hits : status_.misses);
  if (read == PageRead::damaged || read == PageRead::foreign) ++status_.damaged;
  return read == PageRead::found;
}

bool DiskStore::offer(const PageName& name, std::span<const std::byte> bytes) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  {
    const std::lock_guard lock(mutex_);
    if (by_key_.contains(name.key)) return true;
    if (size > std::min(options_.queue_bytes, options_.limit_bytes)) {  // never: asking again is of no use
      ++status_.dropped;
      return true;
    }
    if (status_.paused || queued_bytes_ + size > options_.queue_bytes) return false;
  }
  std::error_code none;
  if (std::filesystem::exists(page_path(folder_, name.key), none)) return true;
  const std::error_code failed = attempt([&] {
    const auto page = std::make_shared<const Waiting>(name, bytes);
    const std::lock_guard lock(mutex_);
    queue_.push_back(page);
    queued_bytes_ += size;
    by_key_.emplace(name.key, page);
    return std::error_code();
  });
  work_.notify_one();
  return !failed;
}

DiskStatus DiskStore::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void DiskStore::flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return (looked_ && queue_.empty()) || status_.paused; });
}

void DiskStore::write() {
  run_when_idle();
  DiskKeeper keeper(*options_.calls, {.cache = options_.cache,
                                      .limit_bytes = options_.limit_bytes,
                                      .root = options_.root,
                                      .model = options_.model});
  std::error_code failed = attempt([&] { return keeper.prepare(); });
  std::int64_t damaged = 0;  // of the keeper's, already counted
  std::unique_lock lock(mutex_);
  for (;;) {
    status_.pages = keeper.pages();
    status_.bytes = keeper.bytes();
    status_.damaged += keeper.damaged() - std::exchange(damaged, keeper.damaged());
    looked_ = true;
    if (failed) {
      pause(lock, failed);
      if (stop_) break;
    }
    if (queue_.empty()) idle_.notify_all();
    work_.wait(lock, [&] { return stop_ || !queue_.empty(); });
    if (queue_.empty() || (stop_ && std::chrono::steady_clock::now() >= stop_by_)) break;

    const auto page = queue_.front();
    lock.unlock();
    failed = attempt([&] { return keeper.save(page->name, page->bytes); });
    lock.lock();
    if (failed) continue;
    ++status_.written;
    queue_.pop_front();
    by_key_.erase(page->name.key);
    queued_bytes_ -= static_cast<std::int64_t>(page->bytes.size());
  }
  status_.dropped += static_cast<std::int64_t>(queue_.size());
}

// What could not be written is tried again first.
void DiskStore::pause(std::unique_lock<std::mutex>& lock, const std::error_code& why) {
  status_.paused = true;
  idle_.notify_all();
  if (!std::exchange(warned_, true))
    warn("{}: cannot keep pages of the cache: {}; they are computed again until it can", who(options_.cache),
         why.message());
  work_.wait_for(lock, options_.retry, [&] { return stop_; });
  status_.paused = false;
}

}  // namespace dsa
