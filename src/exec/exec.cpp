#include "exec/exec.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/env.h"
#include "base/error.h"

namespace dsa {
namespace {

// How long a thread looks for the next job before it sleeps.  Long enough to bridge the serial code between
// two ops of one layer, short enough (tens of microseconds) that a busy neighbour loses nothing that matters.
constexpr int kSpins = 4000;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

using Body = FunctionRef<void(std::int64_t, std::int64_t, int)>;

}  // namespace

struct Exec::Team {
  // One job at a time; written by the caller while no worker is inside (pending == 0).
  struct Job {
    const Body* body = nullptr;
    std::int64_t count = 0;
    std::int64_t grain = 1;
  };

  explicit Team(int threads) {
    for (int rank = 1; rank < threads; ++rank) workers.emplace_back([this, rank] { work(rank); });
  }
  ~Team() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
      generation.fetch_add(1);
    }
    wake.notify_all();
    for (auto& worker : workers) worker.join();
  }

  void work(int rank) {
    std::uint64_t seen = 0;
    for (;;) {
      seen = wait_for_job(seen);
      if (stop) return;
      run(rank);
      if (pending.fetch_sub(1) == 1) {
        const std::lock_guard lock(mutex);  // pairs with the caller's check before it sleeps
        done.notify_one();
      }
    }
  }

  std::uint64_t wait_for_job(std::uint64_t seen) {
    for (int i = 0; i < kSpins; ++i) {
      if (const auto now = generation.load(); now != seen) return now;
      pause_cpu();
    }
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return generation.load() != seen; });
    return generation.load();
  }

  void run(int rank) {
    const Job now = job;
    for (;;) {
      const std::int64_t begin = next.fetch_add(now.grain);
      if (begin >= now.count) return;
      try {
        (*now.body)(begin, std::min(begin + now.grain, now.count), rank);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
  }

  void start(const Job& next_job) {
    {
      const std::lock_guard lock(mutex);
      job = next_job;
      next.store(0);
      pending.store(static_cast<int>(workers.size()));
      generation.fetch_add(1);
    }
    wake.notify_all();
  }

  void wait_until_done() {
    for (int i = 0; i < kSpins && pending.load() != 0; ++i) pause_cpu();
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return pending.load() == 0; });
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
  }

  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake, done;
  std::atomic<std::uint64_t> generation{0};
  std::atomic<std::int64_t> next{0};
  std::atomic<int> pending{0};
  std::atomic<bool> stop{false};
  Job job;
  std::exception_ptr error;
};

Exec::Exec(int threads) : team_(std::make_unique<Team>(std::max(threads, 1))) {}
Exec::~Exec() = default;

int Exec::threads() const { return static_cast<int>(team_->workers.size()) + 1; }

void Exec::parallel_for(std::int64_t count, std::int64_t grain, Body body) {
  DSA_CHECK(grain >= 1);
  if (count <= 0) return;
  if (count <= grain || team_->workers.empty()) {
    for (std::int64_t begin = 0; begin < count; begin += grain)
      body(begin, std::min(begin + grain, count), 0);
    return;
  }
  team_->start({&body, count, grain});
  team_->run(0);
  team_->wait_until_done();
}

int Exec::default_threads() {
  if (const auto set = env_int("DSA_THREADS", 1, 1024)) return static_cast<int>(*set);
  cpu_set_t cpus;
  int cores = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
  // cgroup v2: "max 100000" or "150000 100000"; a container with a quota of two cores should not run 64
  // threads.
  if (std::ifstream quota("/sys/fs/cgroup/cpu.max"); quota) {
    std::string limit;
    std::int64_t period = 0;
    if (quota >> limit >> period && limit != "max" && period > 0)
      cores = std::min<int>(cores, static_cast<int>((std::stoll(limit) + period - 1) / period));
  }
  return std::max(cores, 1);
}

}  // namespace dsa
