#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

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
