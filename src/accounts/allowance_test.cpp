#include "accounts/allowance.h"

#include <gtest/gtest.h>

namespace dsa::accounts {
namespace {

using namespace std::chrono_literals;

const Allowances::Time kStart = Allowances::Time(1000h);

Key limited(KeyLimits limits) { return {.id = "k", .owner = "o", .limits = std::move(limits)}; }

TEST(Allowances, AKeyWithoutLimitsIsNeverRefused) {
  Allowances all;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(all.enter(limited({}), 1'000'000, kStart));
  EXPECT_FALSE(all.standings(limited({}), kStart).requests);
}

TEST(Allowances, RequestsComeBackEvenlyWithinAMinute) {
  Allowances all;
  const Key key = limited({.requests_per_minute = 3});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(all.enter(key, 1, kStart));
  const auto refused = all.enter(key, 1, kStart + 1s);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->limit, Limit::requests);
  EXPECT_EQ(refused->most, 3);
  EXPECT_NEAR(refused->wait_s, 19, 1e-6);
  EXPECT_TRUE(all.enter(key, 1, kStart + 19s)) << "a refusal counts nothing, and fills nothing";
  EXPECT_FALSE(all.enter(key, 1, kStart + 20s));
  EXPECT_TRUE(all.enter(key, 1, kStart + 20s));
  const auto standing = all.standings(key, kStart + 30s).requests;
  EXPECT_EQ(standing->limit, 3);
  EXPECT_EQ(standing->remaining, 0);
  EXPECT_NEAR(standing->reset_s, 50, 1e-6);
  EXPECT_EQ(all.standings(key, kStart + 10min).requests->remaining, 3) << "never more than a minute's";
}

TEST(Allowances, TokensThatAnAnswerTookAreOwedByTheNextRequest) {
  Allowances all;
  const Key key = limited({.tokens_per_minute = 60});
  EXPECT_FALSE(all.enter(key, 50, kStart));
  all.leave("k", 30);
  const auto refused = all.enter(key, 1, kStart);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->limit, Limit::tokens);
  EXPECT_NEAR(refused->wait_s, 21, 1e-6) << "20 are owed, and there has to be one";
  EXPECT_FALSE(all.enter(key, 1, kStart + 21s));
}

TEST(Allowances, PlacesAreFreeAgainWhenRequestsEnd) {
  Allowances all;
  const Key key = limited({.concurrency = 2});
  EXPECT_FALSE(all.enter(key, 1, kStart));
  EXPECT_FALSE(all.enter(key, 1, kStart));
  EXPECT_EQ(all.enter(key, 1, kStart)->limit, Limit::concurrency);
  all.leave("k", 1);
  EXPECT_FALSE(all.enter(key, 1, kStart));
}

TEST(Allowances, ALimitThatIsLoweredKeepsWhatIsOwed) {
  Allowances all;
  EXPECT_FALSE(all.enter(limited({.tokens_per_minute = 100}), 90, kStart));
  const Key lower = limited({.tokens_per_minute = 20});
  EXPECT_TRUE(all.enter(lower, 1, kStart)) << "10 left of 100 are 70 too many of 20";
  EXPECT_FALSE(all.enter(lower, 1, kStart + 4min));
}

}  // namespace
}  // namespace dsa::accounts
