#include "exec/neighbour.h"

#include <gtest/gtest.h>

#include <thread>

namespace dsa {
namespace {

using namespace std::chrono_literals;

TEST(RestRule, AWorkerWithoutACoreRestsLongerAndLonger) {
  RestRule rule;
  RestRule::Time now{};
  std::chrono::nanoseconds delayed = 5s;
  EXPECT_EQ(rule.look(delayed, now), 0ms) << "what was before nobody looked says nothing";
  for (const auto rest : {20ms, 40ms, 80ms, 160ms, 160ms}) {
    EXPECT_EQ(rule.look(delayed += 4ms, now += 8ms), rest);
    now += rest;
  }
  EXPECT_EQ(rule.look(delayed += 1ms, now += 8ms), 0ms) << "the neighbour is gone";
  EXPECT_EQ(rule.look(delayed += 4ms, now += 8ms), 20ms) << "and begins anew";
}

TEST(RestRule, AWaitWithoutADelayIsNoNeighbours) {
  RestRule rule;
  RestRule::Time now{};
  EXPECT_EQ(rule.look(0ns, now), 0ms);
  for (int i = 1; i < 10; ++i) EXPECT_EQ(rule.look(i * 1ms, now += 5ms), 0ms) << "a fifth of the time";
}

TEST(RestRule, TooShortASpanAndTooLongAOneSayNothing) {
  RestRule rule;
  RestRule::Time now{};
  EXPECT_EQ(rule.look(0ns, now), 0ms);
  EXPECT_EQ(rule.look(1ms, now += 1ms), 0ms);
  EXPECT_EQ(rule.look(2ms, now += 1ms), 20ms) << "the span began with the first look";
  EXPECT_EQ(rule.look(102ms, now += 20ms + 201ms), 0ms);
}

TEST(RunDelay, IsThatOfTheThreadThatMadeIt) {
  const RunDelay own;
  const auto first = own.read();
  if (!first) GTEST_SKIP() << "this system counts no delays";
  EXPECT_GE(*first, 0ns);
  std::thread([&] { EXPECT_GE(*own.read(), *first) << "read by another"; }).join();
  EXPECT_GE(*own.read(), *first);
}

}  // namespace
}  // namespace dsa
