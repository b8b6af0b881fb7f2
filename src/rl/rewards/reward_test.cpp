#include "rl/rewards/reward.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace dsa::rl {
namespace {

TEST(SoftOverlong, FallsInALineOverTheLastTokens) {
  EXPECT_EQ(soft_overlong(0, 100, 20), 0);
  EXPECT_EQ(soft_overlong(80, 100, 20), 0);
  EXPECT_EQ(soft_overlong(85, 100, 20), -0.25);
  EXPECT_EQ(soft_overlong(100, 100, 20), -1);
  EXPECT_EQ(soft_overlong(1000, 100, 20), -1);
  EXPECT_EQ(soft_overlong(1, 4, 4), -0.25);
}

TEST(GroupLength, RewardsTheShortOnesThatAreSolved) {
  const std::vector<LengthOutcome> group{{10, true},  {30, true},  {20, true},
                                         {10, false}, {30, false}, {25, false}};
  EXPECT_EQ(group_length(group), (std::vector<double>{0.5, -0.5, 0, 0, -0.5, -0.25}));
}

TEST(GroupLength, OfOneLengthIsNothing) {
  EXPECT_EQ(group_length(std::vector<LengthOutcome>{{7, true}, {7, false}}), (std::vector<double>{0, 0}));
  EXPECT_EQ(group_length(std::vector<LengthOutcome>{{7, true}}), (std::vector<double>{0}));
  EXPECT_TRUE(group_length({}).empty());
}

TEST(SolvedSometimes, IsStrictlyBetweenNeverAndAlways) {
  EXPECT_TRUE(solved_sometimes(std::vector<double>{0, 1, 0, 0}));
  EXPECT_TRUE(solved_sometimes(std::vector<double>{1, 0.5}));
  EXPECT_FALSE(solved_sometimes(std::vector<double>{1, 1}));
  EXPECT_FALSE(solved_sometimes(std::vector<double>{0, 0.5, 0}));
  EXPECT_FALSE(solved_sometimes({}));
  EXPECT_EQ(pass_rate(std::vector<double>{0, 1, 0, 0.9}), 0.25);
  EXPECT_EQ(pass_rate({}), 0);
}

TEST(Rewards, AreSumsByWeights) {
  const std::vector<Judged> group{
      {.score = 1, .tokens = 10, .text = "take 3\nanswer: 3\n"},
      {.score = 1, .tokens = 20, .text = "take und dann\nanswer: 3\n"},
      {.score = 0, .tokens = 10, .text = ""},
  };
  const auto rewards = rewards_of(group, {.outcome = 1,
                                          .overlong = 0.5,
                                          .length = 0.25,
                                          .language_weight = 0.125,
                                          .longest = 20,
                                          .buffer = 5,
                                          .language = Language::english});
  ASSERT_EQ(rewards.size(), 3U);
  EXPECT_EQ(rewards[0].total, 1 + 0.25 * 0.5 + 0.125);
  EXPECT_EQ(rewards[1].language, 1.0 / 3);
  EXPECT_DOUBLE_EQ(rewards[1].total, 1 - 0.5 - 0.25 * 0.5 + 0.125 / 3);
  EXPECT_EQ(rewards[2].total, 0) << "an empty answer is worth something";
}

TEST(Rewards, WhatMakesNoSenseIsSaid) {
  const auto refuses = [](const RewardSettings& settings) { EXPECT_THROW(validate(settings), Error); };
  validate({});
  validate({.overlong = 1, .longest = 5, .buffer = 5});
  refuses({.outcome = 0});
  refuses({.outcome = -1});
  refuses({.length = std::numeric_limits<double>::quiet_NaN()});
  refuses({.overlong = 1, .longest = 5, .buffer = 6});
  refuses({.overlong = 1, .longest = 5, .buffer = 0});
}

}  // namespace
}  // namespace dsa::rl
