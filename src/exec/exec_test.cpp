#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "base/error.h"
#include "exec/exec.h"

namespace dsa {
namespace {

TEST(Exec, CoversEveryItemOnceForEveryTeamSize) {
  for (const int threads : {1, 2, 3, 7}) {
    Exec exec(threads);
    EXPECT_EQ(exec.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 64, 1001}) {
      for (const std::int64_t grain : {1, 3, 64}) {
        std::vector<std::atomic<int>> hits(static_cast<std::size_t>(count));
        std::vector<std::atomic<int>> inside(static_cast<std::size_t>(threads));
        exec.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end, int rank) {
          EXPECT_EQ(inside[static_cast<std::size_t>(rank)].fetch_add(1), 0)
              << "two ranges of one rank overlap";
          EXPECT_EQ(begin % grain, 0);
          EXPECT_LE(end - begin, grain);
          for (auto i = begin; i < end; ++i) hits[static_cast<std::size_t>(i)].fetch_add(1);
          inside[static_cast<std::size_t>(rank)].fetch_sub(1);
        });
        for (const auto& hit : hits) EXPECT_EQ(hit.load(), 1);
      }
    }
  }
}

TEST(Exec, ManyShortJobsInARow) {
  Exec exec(3);
  std::atomic<std::int64_t> sum{0};
  for (int i = 0; i < 5000; ++i)
    exec.parallel_for(5, 1, [&](auto begin, auto, int) { sum.fetch_add(begin); });
  EXPECT_EQ(sum.load(), 5000 * 10);
}

// More threads than a small address space has stacks for; the process that tries ends with what it caught.
TEST(ExecDeathTest, ThreadsThatCannotBeStartedAreAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer reserves more address space than that; tests/cli/run_test.sh tries it too";
#endif
  const auto try_it = [] {
    const rlimit small{.rlim_cur = rlim_t{2} << 30, .rlim_max = rlim_t{2} << 30};
    ::setrlimit(RLIMIT_AS, &small);
    try {
      Exec exec(4000);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::_Exit(7);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(try_it(), testing::ExitedWithCode(7), "only [0-9]+ of 4000 threads could be started");
}

TEST(ExecDeathTest, TwoCallersAreABug) {
  Exec exec(2);
  EXPECT_DEATH(
      exec.parallel_for(4, 1, [&](auto, auto, int) { exec.parallel_for(4, 1, [](auto, auto, int) {}); }),
      "another_call_is_running");
}

TEST(Exec, AThrowingBodyStopsNoOtherRange) {
  for (const int threads : {1, 2}) {
    Exec exec(threads);
    std::atomic<int> calls{0};
    EXPECT_THROW(exec.parallel_for(10, 1,
                                   [&](auto begin, auto, int) {
                                     calls.fetch_add(1);
                                     if (begin == 3) throw std::runtime_error("three");
                                   }),
                 std::runtime_error);
    EXPECT_EQ(calls.load(), 10) << threads << " threads";
  }
}

TEST(Exec, RethrowsAndStaysUsable) {
  Exec exec(2);
  EXPECT_THROW(exec.parallel_for(10, 1,
                                 [](auto begin, auto, int) {
                                   if (begin == 7) throw std::runtime_error("seven");
                                 }),
               std::runtime_error);
  std::atomic<int> calls{0};
  exec.parallel_for(10, 1, [&](auto, auto, int) { calls.fetch_add(1); });
  EXPECT_EQ(calls.load(), 10);
}

}  // namespace
}  // namespace dsa
