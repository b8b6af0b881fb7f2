#include "engine/repetition.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <vector>

namespace dsa {
namespace {

// After how many tokens it says so; 0: never.
std::size_t noticed(const std::vector<std::int32_t>& answer) {
  RepetitionWatch watch;
  for (std::size_t n = 1; n <= answer.size(); ++n)
    if (watch.push(std::span(answer).first(n))) return n;
  return 0;
}

std::vector<std::int32_t> repeated(std::int32_t stretch, int times, std::size_t before = 7) {
  std::vector<std::int32_t> out(before);
  std::iota(out.begin(), out.end(), 10'000);
  for (int i = 0; i < times; ++i)
    for (std::int32_t t = 0; t < stretch; ++t) out.push_back(t);
  return out;
}

TEST(Repetition, AStretchIsNoticedWhenItIsCompleteOnceTooOften) {
  for (const std::int32_t stretch : {16, 17, 40, 63, 64, 65, 200, 512}) {
    const int times = static_cast<int>(RepetitionWatch::times(stretch));
    EXPECT_EQ(noticed(repeated(stretch, times + 1)), 7U + static_cast<std::size_t>(times * stretch))
        << stretch;
    EXPECT_EQ(noticed(repeated(stretch, times - 1)), 0U) << stretch;
  }
  EXPECT_EQ(noticed(repeated(513, 6)), 0U);
}

TEST(Repetition, WhatRepeatsSoonerCountsFromSixteenTokensOn) {
  EXPECT_EQ(noticed(repeated(1, 200)), 7U + 5 * 16);
  EXPECT_EQ(noticed(repeated(5, 100)), 7U + 5 * 20);
  EXPECT_EQ(noticed(repeated(1, 79)), 0U);
}

TEST(Repetition, WhatDiffersByATokenEachTimeIsNoRepetition) {
  std::vector<std::int32_t> table;
  for (std::int32_t row = 0; row < 60; ++row)
    for (std::int32_t t = 0; t < 30; ++t) table.push_back(t == 5 ? 1000 + row : t);
  EXPECT_EQ(noticed(table), 0U);
  std::mt19937 draw(1);
  std::vector<std::int32_t> noise(5000);
  for (auto& id : noise) id = static_cast<std::int32_t>(draw() % 4);
  EXPECT_EQ(noticed(noise), 0U);
}

}  // namespace
}  // namespace dsa
