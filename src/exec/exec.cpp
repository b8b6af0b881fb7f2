#include "exec/exec.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/cgroup.h"
#include "base/env.h"
#include "base/error.h"
#include "base/numeric.h"
#include "base/stopwatch.h"
#include "exec/neighbour.h"

namespace dsa {
namespace {

// How long a thread looks for the next job, or for the end of the others' work, before it sleeps.  Long
// enough to bridge the serial code between two ops of one layer, short enough (tens of microseconds) that a
// busy neighbour loses nothing that matters; a team larger than the machine hardly spins at all.
constexpr int kSpins = 4000;
constexpr int kSpinsCrowded = 50;

// The last range of an op is seldom waited for so long, unless its thread has lost its core.
constexpr std::chrono::microseconds kLongWait{500};

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

using Body = FunctionRef<void(std::int64_t, std::int64_t, int)>;

// Ranges [low, high) of one thread's share that nobody has taken.  Its owner takes from below, so that it
// walks through memory in one direction; others, once their own share is empty, take from above.
class alignas(64) Share {
 public:
  void fill(std::uint32_t low, std::uint32_t high) { bounds_.store(pack(low, high)); }
  std::optional<std::uint32_t> take_low() {
    return take([](std::uint32_t low, std::uint32_t high) { return std::pair{pack(low + 1, high), low}; });
  }
  std::optional<std::uint32_t> take_high() {
    return take([](std::uint32_t low, std::uint32_t high) {
      return std::pair{pack(low, high - 1), high - 1};
    });
  }

 private:
  static std::uint64_t pack(std::uint32_t low, std::uint32_t high) { return std::uint64_t{high} << 32 | low; }
  template <class F>
  std::optional<std::uint32_t> take(F next) {
    std::uint64_t seen = bounds_.load();
    for (;;) {
      const auto low = static_cast<std::uint32_t>(seen), high = static_cast<std::uint32_t>(seen >> 32);
      if (low >= high) return std::nullopt;
      const auto [left, taken] = next(low, high);
      if (bounds_.compare_exchange_weak(seen, left)) return taken;
    }
  }
  std::atomic<std::uint64_t> bounds_{0};
};

// Two callers of one team would run each other's ranges: a bug, said where it happens.
class Caller {
 public:
  explicit Caller(std::atomic<bool>& taken) : taken_(taken) {
    const bool another_call_is_running = taken.exchange(true, std::memory_order_acquire);
    DSA_CHECK(!another_call_is_running);
  }
  ~Caller() { taken_.store(false, std::memory_order_release); }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

 private:
  std::atomic<bool>& taken_;
};

}  // namespace

// A job is over when all its ranges are done, not when all workers have looked at it: a worker that the
// system has paused between two jobs holds nobody up, and finds nothing to take when it comes back.  `job`
// and the shares are written only while no range is open, and read only by a thread that holds one.
struct Exec::Team {
  struct Job {
    const Body* body = nullptr;
    std::int64_t count = 0;
    std::int64_t grain = 1;
    std::int64_t ranges = 0;
  };

  explicit Team(int threads)
      : shares(static_cast<std::size_t>(threads)),
        spins(threads > static_cast<int>(std::thread::hardware_concurrency()) ? kSpinsCrowded : kSpins) {
    workers.reserve(static_cast<std::size_t>(threads));
    try {
      for (int rank = 1; rank < threads; ++rank) workers.emplace_back([this, rank] { work(rank); });
    } catch (const std::system_error& error) {
      end();
      fail("only {} of {} threads could be started ({}): lower `threads`", workers.size() + 1, threads,
           error.code().message());
    }
  }
  ~Team() { end(); }

  void end() {
    stop = true;
    announce();
    for (auto& worker : workers) worker.join();
  }

  void work(int rank) {
    std::uint64_t seen = 0;
    std::uint32_t waits_seen = 0;
    RestRule rule;
    const RunDelay delay;
    for (;;) {
      seen = wait_for_job(seen);
      if (stop) return;
      run(rank);
      const std::uint32_t now = long_waits.load(std::memory_order_relaxed);
      if (std::exchange(waits_seen, now) == now) continue;
      if (const auto delayed = delay.read())
        std::this_thread::sleep_for(rule.look(*delayed, std::chrono::steady_clock::now()));
    }
  }

  std::uint64_t wait_for_job(std::uint64_t seen) {
    for (int i = 0; i < spins; ++i) {
      if (const auto now = generation.load(); now != seen) return now;
      pause_cpu();
    }
    std::unique_lock lock(mutex);
    ++sleepers;
    wake.wait(lock, [&] { return generation.load() != seen; });
    --sleepers;
    return generation.load();
  }

  // A worker either sees the new generation before it sleeps, or has counted itself among the sleepers.
  void announce() {
    generation.fetch_add(1);
    if (sleepers.load() == 0) return;
    const std::lock_guard lock(mutex);
    wake.notify_all();
  }

  void start(const Job& next_job) {
    job = next_job;
    done.store(0);
    const auto threads = static_cast<std::int64_t>(shares.size());
    for (std::int64_t r = 0; r < threads; ++r)
      shares[static_cast<std::size_t>(r)].fill(
          static_cast<std::uint32_t>(next_job.ranges * r / threads),
          static_cast<std::uint32_t>(next_job.ranges * (r + 1) / threads));
    announce();
  }

  std::optional<std::uint32_t> take(int rank) {
    if (const auto own = shares[static_cast<std::size_t>(rank)].take_low()) return own;
    for (std::size_t i = 1; i < shares.size(); ++i)
      if (const auto other = shares[(static_cast<std::size_t>(rank) + i) % shares.size()].take_high())
        return other;
    return std::nullopt;
  }

  void run(int rank) {
    std::int64_t mine = 0, all = 0;
    while (const auto range = take(rank)) {
      all = job.ranges;
      run_range(rank, static_cast<std::int64_t>(*range) * job.grain);
      ++mine;
    }
    // From here on the job may be another one.
    if (mine == 0 || done.fetch_add(mine) + mine != all || !caller_sleeps.load()) return;
    const std::lock_guard lock(mutex);
    finished.notify_one();
  }

  void run_range(int rank, std::int64_t begin) {
    try {
      (*job.body)(begin, std::min(begin + job.grain, job.count), rank);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  }

  // Too little to share out, or nobody to share it with.
  void run_alone(const Job& whole) {
    job = whole;
    for (std::int64_t begin = 0; begin < job.count; begin += job.grain) run_range(0, begin);
    rethrow();
  }

  void rethrow() {
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
  }

  void wait_until_done(std::int64_t ranges) {
    for (int i = 0; i < spins && done.load() != ranges; ++i) pause_cpu();
    if (done.load() != ranges) {
      const Stopwatch watch;
      std::unique_lock lock(mutex);
      caller_sleeps = true;
      finished.wait(lock, [&] { return done.load() == ranges; });
      caller_sleeps = false;
      if (watch.seconds() > std::chrono::duration<double>(kLongWait).count()) ++long_waits;
    }
    rethrow();
  }

  std::vector<Share> shares;
  const int spins;
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake, finished;
  alignas(64) std::atomic<std::uint64_t> generation{0};
  std::atomic<int> sleepers{0};
  std::atomic<std::uint32_t> long_waits{0};
  alignas(64) std::atomic<std::int64_t> done{0};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<bool> stop{false};
  std::atomic<bool> taken{false};  // by a caller
  Job job;
  std::exception_ptr error;
};

Exec::Exec(int threads) : team_(std::make_unique<Team>(std::max(threads, 1))) {}
Exec::~Exec() = default;

int Exec::threads() const { return static_cast<int>(team_->workers.size()) + 1; }

void Exec::parallel_for(std::int64_t count, std::int64_t grain, Body body) {
  DSA_CHECK(grain >= 1);
  if (count <= 0) return;
  const Caller only(team_->taken);
  const std::int64_t ranges = ceil_div(count, grain);
  if (ranges == 1 || team_->workers.empty()) return team_->run_alone({&body, count, grain, ranges});
  DSA_CHECK(ranges < std::int64_t{1} << 32);
  team_->start({&body, count, grain, ranges});
  team_->run(0);
  team_->wait_until_done(ranges);
}

int Exec::default_threads() {
  if (const auto set = env_int("DSA_THREADS", 1, 1024)) return static_cast<int>(*set);
  cpu_set_t cpus;
  int cores = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
  if (const auto quota = cpu_quota("/")) cores = std::min(cores, *quota);
  return std::max(cores, 1);
}

}  // namespace dsa
