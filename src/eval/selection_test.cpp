#include "eval/selection.h"

#include <gtest/gtest.h>

#include <vector>

namespace dsa {
namespace {

using Positions = std::vector<std::int32_t>;

TEST(SharedPositions, OfAscendingLists) {
  EXPECT_EQ(shared_positions(Positions{}, Positions{1}), 0);
  EXPECT_EQ(shared_positions(Positions{1, 3, 5}, Positions{0, 3, 4, 5, 9}), 2);
  EXPECT_EQ(shared_positions(Positions{7}, Positions{7}), 1);
}

TEST(SelectWindow, SinksAndTheLatest) {
  Positions six(6), four(4), one(1);
  select_window(100, six);
  EXPECT_EQ(six, (Positions{0, 1, 2, 3, 98, 99}));
  select_window(100, four);  // the row's own token is never given up for a sink
  EXPECT_EQ(four, (Positions{0, 1, 2, 99}));
  select_window(100, one);
  EXPECT_EQ(one, (Positions{99}));
  select_window(6, six);
  EXPECT_EQ(six, (Positions{0, 1, 2, 3, 4, 5}));
}

TEST(SelectionSums, HandComputed) {
  const std::vector<float> mass{0.5F, 0.0625F, 0.25F, 0.125F, 0.0625F};
  SelectionSums sums;
  // Two of five: best 0 and 2, the window 0 and 4, the indexer chose 2 and 3.
  sums.add_row(mass, Positions{0, 2}, Positions{2, 3}, Positions{1, 3});
  EXPECT_DOUBLE_EQ(sums.mass(Selector::best), 0.75);
  EXPECT_DOUBLE_EQ(sums.mass(Selector::indexer), 0.375);
  EXPECT_DOUBLE_EQ(sums.mass(Selector::window), 0.5625);
  EXPECT_DOUBLE_EQ(sums.mass(Selector::random), 0.4);
  EXPECT_DOUBLE_EQ(sums.recall(Selector::best), 1);
  EXPECT_DOUBLE_EQ(sums.recall(Selector::indexer), 0.5);
  EXPECT_DOUBLE_EQ(sums.recall(Selector::window), 0.5);
  EXPECT_DOUBLE_EQ(sums.recall(Selector::random), 0.4);
  EXPECT_DOUBLE_EQ(sums.mean_overlap(), 0.5);
  EXPECT_DOUBLE_EQ(sums.mass_ratio(), 0.5);
}

TEST(SelectionSums, AddingIsTheSameAsOneAfterTheOther) {
  const std::vector<float> mass{0.5F, 0.25F, 0.25F};
  SelectionSums a, b, both;
  a.add_row(mass, Positions{0}, Positions{0}, {});
  b.add_row(mass, Positions{0}, Positions{1}, Positions{1});
  both.add_row(mass, Positions{0}, Positions{0}, {});
  both.add_row(mass, Positions{0}, Positions{1}, Positions{1});
  a.add(b);
  EXPECT_EQ(a.rows, 2);
  EXPECT_EQ(a.pairs, 1);  // a row without one before it says nothing about overlap
  EXPECT_DOUBLE_EQ(a.mass(Selector::indexer), both.mass(Selector::indexer));
  EXPECT_DOUBLE_EQ(a.mass(Selector::indexer), 0.375);
  EXPECT_DOUBLE_EQ(a.mean_overlap(), 1);
  EXPECT_EQ(SelectionSums{}.mass(Selector::best), 0);
}

}  // namespace
}  // namespace dsa
