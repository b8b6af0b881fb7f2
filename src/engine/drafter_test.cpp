#include "engine/drafter.h"

#include <gtest/gtest.h>

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr double kFree = 0;

Tokens guesses(Drafter& drafter, const Tokens& tokens, std::int64_t most, const Tokens& ends = {}) {
  drafter.draft(tokens, most, ends, kFree);
  EXPECT_EQ(drafter.line().front(), tokens.back());
  return {drafter.guesses().begin(), drafter.guesses().end()};
}

TEST(Drafter, WhatCameNextThereIsGuessedHere) {
  const Tokens tokens{1, 2, 3, 4, 5, 6, 7, 9, 1, 2, 3};
  Drafter drafter;
  EXPECT_EQ(guesses(drafter, tokens, 4), (Tokens{4, 5, 6, 7}));
  EXPECT_EQ(guesses(drafter, tokens, 2), (Tokens{4, 5}));
  EXPECT_EQ(guesses(drafter, tokens, 4, {6}), (Tokens{4, 5})) << "an end needs no row after it";
  EXPECT_EQ(guesses(drafter, {1, 2, 3, 4, 5, 6, 7, 9, 1, 2, 3, 8}, 4), Tokens{});
}

TEST(Drafter, ACopyMayReachIntoItself) {
  Drafter drafter;
  EXPECT_EQ(guesses(drafter, {8, 1, 2, 1, 2, 1}, 5), (Tokens{2, 1, 2, 1, 2}));
}

TEST(Drafter, ItCountsWhatHeld) {
  Drafter drafter;
  static_cast<void>(guesses(drafter, {1, 2, 3, 4, 5, 1, 2, 3}, 2));
  drafter.learn(1);
  drafter.learn(7);  // of no draft: nothing
  EXPECT_EQ(drafter.drafted(), 2);
  EXPECT_EQ(drafter.accepted(), 1);
  EXPECT_TRUE(drafter.line().empty());
}

TEST(Drafter, OneThatWasStoppedGuessesNoMore) {
  Drafter drafter;
  static_cast<void>(guesses(drafter, {1, 2, 3, 4, 5, 1, 2, 3}, 2));
  drafter.stop();
  drafter.draft(Tokens{1, 2, 3, 4, 5, 1, 2, 3}, 2, {}, kFree);
  EXPECT_TRUE(drafter.line().empty());
  EXPECT_EQ(drafter.drafted(), 0);
}

}  // namespace
}  // namespace dsa
