#include "engine/drafter.h"

#include <gtest/gtest.h>

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr DraftPrices kFree{.copied = 0.0};

Tokens guesses(Drafter& drafter, const Tokens& tokens, std::int64_t most, const Tokens& ends = {}) {
  EXPECT_EQ(drafter.draft(tokens, most, ends, kFree), 0);
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
  EXPECT_EQ(drafter.all().drafted, 2);
  EXPECT_EQ(drafter.all().accepted, 1);
  EXPECT_EQ(drafter.own().drafted, 0);
  EXPECT_TRUE(drafter.line().empty());
}

TEST(Drafter, OneThatWasStoppedGuessesNoMore) {
  Drafter drafter;
  static_cast<void>(guesses(drafter, {1, 2, 3, 4, 5, 1, 2, 3}, 2));
  drafter.stop();
  drafter.draft(Tokens{1, 2, 3, 4, 5, 1, 2, 3}, 2, {}, kFree);
  EXPECT_TRUE(drafter.line().empty());
  EXPECT_EQ(drafter.all().drafted, 0);
}

TEST(Drafter, WhatIsNotThereToCopyTheModelsOwnLayerGuesses) {
  const Tokens nothing{1, 2, 3, 4}, copies{1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8};
  Drafter drafter;
  const DraftPrices both{.copied = 0.2, .own = 0.3};
  const std::int64_t wanted = drafter.draft(nothing, 4, {}, both);
  ASSERT_GT(wanted, 0);
  EXPECT_TRUE(drafter.guesses().empty());
  drafter.add(Tokens{7, 8, 9}, Tokens{9});
  EXPECT_EQ(Tokens(drafter.guesses().begin(), drafter.guesses().end()), (Tokens{7, 8}));
  drafter.learn(1);
  EXPECT_EQ(drafter.own().drafted, 2);
  EXPECT_EQ(drafter.own().accepted, 1);
  EXPECT_EQ(drafter.draft(copies, 4, {}, both), 0) << "a long match is surer";
  EXPECT_EQ(drafter.guesses().front(), 9);
  drafter.learn(0);
  EXPECT_EQ(drafter.own().drafted, 2);
  EXPECT_GT(drafter.all().drafted, 2);
  EXPECT_GT(drafter.draft(copies, 4, {}, {.own = 0.3}), 0) << "copies were not asked for";
}

}  // namespace
}  // namespace dsa
