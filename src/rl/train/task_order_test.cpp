#include "rl/train/task_order.h"

#include <gtest/gtest.h>

namespace dsa::rl {
namespace {

using Places = std::vector<std::int64_t>;

TEST(TaskOrder, WithoutAnyAgainTheyAreNewInOrder) {
  TaskOrder order;
  for (std::int64_t step = 0; step < 3; ++step) {
    const Places places = order.step(4, 0);
    EXPECT_EQ(places, (Places{4 * step, 4 * step + 1, 4 * step + 2, 4 * step + 3}));
    order.played(places, std::vector<std::size_t>{0, 2}, 0);
    EXPECT_TRUE(order.waiting.empty());
  }
}

TEST(TaskOrder, WhatTaughtComesAgainUntilItTeachesNothing) {
  TaskOrder order;
  order.played(order.step(4, 0.5), std::vector<std::size_t>{0, 1, 3}, 0.5);
  EXPECT_EQ(order.waiting, (Places{0, 1, 3}));
  const Places second = order.step(4, 0.5);
  EXPECT_EQ(second, (Places{0, 1, 4, 5}));  // half of the step, the oldest first
  order.played(second, std::vector<std::size_t>{1, 2}, 0.5);
  EXPECT_EQ(order.waiting, (Places{3, 1, 4}));
  EXPECT_EQ(order.next, 6);
  EXPECT_EQ(order.step(4, 0.5), (Places{3, 1, 6, 7}));
  EXPECT_EQ(order.step(4, 1), (Places{3, 1, 4, 6}));
}

TEST(TaskOrder, TheOldestOfTooManyAreLetGo) {
  TaskOrder order;
  const std::vector<std::size_t> all{0, 1};
  for (int step = 0; step < 20; ++step) order.played(order.step(2, 0.1), all, 0.1);  // none of two come again
  EXPECT_EQ(order.next, 40);
  EXPECT_EQ(order.waiting, (Places{32, 33, 34, 35, 36, 37, 38, 39}));
}

}  // namespace
}  // namespace dsa::rl
