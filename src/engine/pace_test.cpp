#include "engine/pace.h"

#include <gtest/gtest.h>

namespace dsa {
namespace {

// A machine on which a pass takes 4 ms, and half a millisecond for each token of a prompt.
double pass_ms(std::int64_t read) { return 4 + 0.5 * static_cast<double>(read); }

TEST(Pace, ItLooksFirstAtWhatAnswersTakeAlone) {
  Pace pace;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pace.piece(2, 1, 512), 0);
    pace.learn(2, 0, pass_ms(0));
  }
  EXPECT_GT(pace.piece(2, 1, 512), 0);
}

TEST(Pace, APassThatReadsStaysWithinTheStretchAndUsesIt) {
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.learn(2, 0, pass_ms(0));
  std::int64_t piece = 0;
  for (int i = 0; i < 50; ++i) {
    piece = pace.piece(2, 1, 512);
    EXPECT_LE(pass_ms(piece), Pace::kStretch * pass_ms(0) + 0.5);
    pace.learn(2, piece, pass_ms(piece));
  }
  EXPECT_GE(pass_ms(piece) - pass_ms(0), pass_ms(piece) / 3)
      << "reading has less than a third of the machine";
}

TEST(Pace, ThoseWhoAreReadWillBeWrittenToo) {
  Pace pace;
  const auto alone = [](std::int64_t writers) { return 4 + 0.5 * static_cast<double>(writers); };
  for (int i = 0; i < 3; ++i)
    for (const std::int64_t writers : {1, 2}) pace.learn(writers, 0, alone(writers));
  EXPECT_DOUBLE_EQ(pace.alone_ms(2), 5);
  EXPECT_DOUBLE_EQ(pace.alone_ms(8), 8);
  for (int i = 0; i < 50; ++i) {
    const std::int64_t piece = pace.piece(2, 6, 512);
    pace.learn(2, piece, alone(2) + 0.25 * static_cast<double>(piece));
  }
  EXPECT_EQ(pace.piece(2, 6, 512), static_cast<std::int64_t>((Pace::kStretch * 8 - 5) / 0.25));
}

TEST(Pace, WhatReadingCostsAtAllDoesNotMakePiecesEverSmaller) {
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.learn(4, 0, 15);
  pace.learn(0, 512, 256);
  for (int i = 0; i < 200; ++i) {
    const std::int64_t piece = pace.piece(4, 1, 512);
    pace.learn(4, piece, 25 + 0.125 * static_cast<double>(piece));
  }
  EXPECT_GE(pace.piece(4, 1, 512), 4);
}

TEST(Pace, AOnceSlowPassIsForgotten) {
  Pace pace;
  for (int i = 0; i < 15; ++i) pace.learn(1, 0, 4);
  pace.learn(1, 0, 400);
  EXPECT_EQ(pace.alone_ms(1), 4);
  for (int i = 0; i < 15; ++i) pace.learn(1, 0, 8);
  EXPECT_EQ(pace.alone_ms(1), 8);
}

TEST(Pace, WithNobodyToDisturbItReadsAllItCan) {
  Pace pace;
  EXPECT_EQ(pace.piece(0, 1, 512), 512);
  pace.learn(0, 512, 512);  // a millisecond each
  EXPECT_EQ(pace.piece(0, 1, 512), 512);
  EXPECT_EQ(pace.piece(0, 2, 512), 250) << "who waits to be read gets a turn";
  EXPECT_EQ(pace.piece(0, 2, 16), 16);
}

TEST(Pace, ASlowMachineStillReads) {
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.learn(1, 0, 10);
  pace.learn(0, 16, 16'000);
  EXPECT_EQ(pace.piece(1, 1, 512), 1);
  EXPECT_EQ(pace.piece(0, 2, 512), 64);
}

TEST(Pace, AGuessCostsWhatItsTimeWouldWrite) {
  Pace pace;
  const double unknown = pace.draft_price(1);
  EXPECT_GT(unknown, 0);
  for (int i = 0; i < 3; ++i) {
    pace.learn(1, 0, 4);
    pace.learn(4, 0, 8);
  }
  EXPECT_DOUBLE_EQ(pace.draft_price(1), unknown) << "none was tried";
  for (int i = 0; i < 50; ++i) pace.learn_drafts(1, 8, 4 + 8 * 0.5);
  EXPECT_NEAR(pace.draft_price(1), 0.5 / 4, 0.02);
  EXPECT_NEAR(pace.draft_price(4), 0.5 / 2, 0.02) << "a token costs four answers 2 ms, not 4";
  for (int i = 0; i < 50; ++i) pace.learn_drafts(1, 1, 4 + 2);
  EXPECT_NEAR(pace.draft_price(1), 2.0 / 4, 0.05) << "the last ones count";
}

TEST(Pace, APassThatWasHeldUpDoesNotEndGuesses) {
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.learn(1, 0, 4);
  const double unknown = pace.draft_price(1);
  for (int i = 0; i < 100; ++i) pace.learn_drafts(1, 3, 400);
  EXPECT_LE(pace.draft_price(1), 1);
  for (int i = 0; i < 1000; ++i) pace.learn(1, 0, 4);
  EXPECT_NEAR(pace.draft_price(1), unknown, 0.01) << "and is forgotten";
}

TEST(Pace, AGuessIsNeverFree) {
  Pace pace;
  for (int i = 0; i < 3; ++i) pace.learn(1, 0, 4);
  for (int i = 0; i < 50; ++i) pace.learn_drafts(1, 8, 3);
  EXPECT_GT(pace.draft_price(1), 0);
}

}  // namespace
}  // namespace dsa
