#include "engine/draft_policy.h"

#include <gtest/gtest.h>

#include <random>

namespace dsa {
namespace {

// An answer of so many tokens: how many passes' time it takes.
struct Course {
  double time = 0;
  std::int64_t drafted = 0, accepted = 0;
};
template <class Matched, class Right>
Course run(std::int64_t tokens, double price, Matched matched, Right right) {
  DraftPolicy policy;
  Course out;
  for (std::int64_t written = 0; written < tokens;) {
    const std::int64_t match = matched(written);
    const std::int64_t drafted = policy.copied(match, tokens - written - 1, price).guesses;
    std::int64_t accepted = 0;
    while (accepted < drafted && right(written + accepted)) ++accepted;
    policy.learn_copied(match, drafted, accepted, price);
    out.time += 1 + static_cast<double>(drafted) * price;
    out.drafted += drafted;
    out.accepted += accepted;
    written += 1 + accepted;
  }
  return out;
}

TEST(DraftPolicy, GuessesThatNeverHoldCostNoMoreThanTheAllowance) {
  for (const double price : {0.05, 0.25, 0.4, 0.9})
    for (const std::int64_t tokens : {50, 400, 5000})
      for (const std::int64_t match : {3, 8, 32}) {
        const Course free = run(
            tokens, price, [&](auto) { return match; }, [](auto) { return false; });
        const auto written = static_cast<double>(tokens);
        EXPECT_LE(free.time, written * (1 + DraftPolicy::kShare) + DraftPolicy::kStart + 1e-6);
        EXPECT_GT(free.drafted, 0) << "it did not even look";
      }
}

TEST(DraftPolicy, WhateverHoldsItIsNeverLateByMore) {
  std::mt19937 draw(3);
  for (int i = 0; i < 200; ++i) {
    const double price = 0.05 + 0.009 * static_cast<double>(draw() % 100);
    const std::uint32_t chance = draw() % 100;
    const Course got = run(
        600, price, [&](auto) { return static_cast<std::int64_t>(draw() % 3 == 0 ? 0 : 3 + draw() % 30); },
        [&](auto at) { return at / 100 % 2 == 0 && draw() % 100 < chance; });  // and it turns
    EXPECT_LE(got.time, 600 * (1 + DraftPolicy::kShare) + DraftPolicy::kStart + 1e-6);
  }
}

TEST(DraftPolicy, AnAnswerThatCopiesIsWrittenManyTokensAtATime) {
  std::int64_t since = 0;
  const auto copied = [&](auto) { return since += 16; };
  const Course got = run(1000, 0.25, copied, [](auto) { return true; });
  EXPECT_LT(got.time, 1000 / 2.8);
  // With an edit every 40 tokens, after which a match begins anew.
  const auto edited = [](auto at) { return std::int64_t{at % 40 < 3 ? 0 : at % 40}; };
  EXPECT_LT(run(1000, 0.25, edited, [](auto at) { return at % 40 != 0; }).time, 1000 / 1.8);
}

TEST(DraftPolicy, TheDearerAGuessTheFewerAreMade) {
  DraftPolicy policy;
  for (int i = 0; i < 20; ++i) policy.learn_copied(8, 4, 4, 0.25);
  for (int i = 0; i < 2; ++i) policy.learn_copied(8, 4, 0, 0.25);
  std::int64_t last = DraftPolicy::kMost;
  for (const double price : {0.05, 0.15, 0.3, 0.6}) {
    const std::int64_t length = policy.copied(8, DraftPolicy::kMost, price).guesses;
    EXPECT_LT(length, last) << price;
    last = length;
  }
  EXPECT_EQ(policy.copied(8, DraftPolicy::kMost, 1).guesses, 0) << "a batch that fills the arithmetic";
  EXPECT_LE(policy.copied(8, 2, 0.05).guesses, 2);
  EXPECT_EQ(policy.copied(8, 0, 0.05).guesses, 0);
  EXPECT_EQ(policy.copied(0, DraftPolicy::kMost, 0.05).guesses, 0) << "nothing to guess from";
}

TEST(DraftPolicy, ItTurnsToAnAnswerThatBeginsToCopyAndAway) {
  const auto matched = [](auto) { return std::int64_t{3}; };
  const auto second_half = [](auto at) { return at >= 1000; };
  EXPECT_LT(run(2000, 0.25, matched, second_half).time, 1000 * 1.01 + 1000 / 2.0);
  const auto first_half = [](auto at) { return at < 1000; };
  const Course got = run(2000, 0.25, matched, first_half);
  EXPECT_LT(got.time, 1000 / 2.0 + 1000 * 1.01 + DraftPolicy::kFull);
}

// Of the model's own: how often the first holds, and how often one after another that held.
Course run_own(std::int64_t tokens, double price, double first, double further) {
  std::mt19937 draw(7);
  std::uniform_real_distribution<double> unit;
  DraftPolicy policy;
  Course out;
  for (std::int64_t written = 0; written < tokens;) {
    const std::int64_t drafted = policy.own(tokens - written - 1, price).guesses;
    std::int64_t accepted = 0;
    while (accepted < drafted && unit(draw) < (accepted == 0 ? first : further)) ++accepted;
    policy.learn_own(drafted, accepted, price);
    out.time += 1 + static_cast<double>(drafted) * price;
    out.drafted += drafted;
    out.accepted += accepted;
    written += 1 + accepted;
  }
  return out;
}

TEST(DraftPolicy, TheModelsOwnGuessesAreMadeAsFarAsTheyPay) {
  const Course one = run_own(3000, 0.4, 0.8, 0.1), many = run_own(3000, 0.15, 0.9, 0.9);
  EXPECT_LT(one.time, 3000 / 1.2);
  EXPECT_LT(static_cast<double>(one.drafted), 1.2 * static_cast<double>(one.accepted) / 0.8);
  EXPECT_LT(many.time, 3000 / 2.2);
  for (const double price : {0.05, 0.4, 0.9})
    EXPECT_LE(run_own(3000, price, 0, 0).time, 3000 * (1 + DraftPolicy::kShare) + DraftPolicy::kStart + 1e-6);
}

TEST(DraftPolicy, OfTwoSourcesTheFasterOneIsSeen) {
  DraftPolicy policy;
  for (int i = 0; i < 20; ++i) policy.learn_own(2, 2, 0.3);
  for (int i = 0; i < 20; ++i) policy.learn_copied(8, 2, 1, 0.2);
  EXPECT_GT(policy.own(8, 0.3).speed, policy.copied(8, 8, 0.2).speed);
  for (int i = 0; i < 40; ++i) policy.learn_copied(8, 8, 8, 0.2);
  EXPECT_LT(policy.own(8, 0.3).speed, policy.copied(8, 8, 0.2).speed);
}

}  // namespace
}  // namespace dsa
