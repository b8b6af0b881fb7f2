#include "base/numeric.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <thread>

#include "base/stopwatch.h"
#include "base/who.h"

namespace dsa {
namespace {

TEST(Numeric, CeilDivAndRoundUpReachTheEndsOfTheirType) {
  EXPECT_EQ(ceil_div(0, 64), 0);
  EXPECT_EQ(ceil_div(1, 64), 1);
  EXPECT_EQ(ceil_div(64, 64), 1);
  EXPECT_EQ(ceil_div(65, 64), 2);
  EXPECT_EQ(round_up(std::int64_t{65}, 64), 128);
  EXPECT_EQ(round_up(std::size_t{0}, 64), 0U);
  // (n + size - 1) / size would wrap here.
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(ceil_div(kMost, 2), kMost / 2 + 1);
  EXPECT_EQ(round_up(kMost - 64, 64), kMost - 63);
}

TEST(Stopwatch, MeasuresFromItsConstructionOrRestart) {
  Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double seconds = watch.seconds();
  EXPECT_GE(seconds, 0.02);
  EXPECT_GE(watch.milliseconds(), seconds * 1000);
  watch.restart();
  EXPECT_LT(watch.seconds(), seconds);
}

TEST(Who, IsThePathMadeSafeAndNotCutAtALineOfErrors) {
  EXPECT_EQ(who("/models/\x1b[1mx"), "/models/\\x1b[1mx");
  const std::string longest(400, 'd');
  EXPECT_EQ(who(longest), longest);
}

}  // namespace
}  // namespace dsa
