#include "engine/page_worth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

namespace dsa {
namespace {

constexpr double kNow = 1.8e9;

PageKey key(int n) { return {std::byte(n & 0xFF), std::byte(n >> 8)}; }

KeptPage page(int n, int before, std::int64_t index, double age) {
  return {.key = key(n), .before = key(before), .index = index, .bytes = 10, .uses = kNow - age};
}

TEST(PageWorth, UsesAreAddedUpAndHalvedWithTime) {
  // Twice now, once a half-life ago: 2.5.
  double uses = kNow - kHalfLife;
  for (int i = 0; i < 2; ++i) uses = used_again(uses, kNow);
  EXPECT_NEAR(std::exp2((uses - kNow) / kHalfLife), 2.5, 1e-6);
  // What was long ago does not count.
  EXPECT_NEAR(used_again(kNow - 100 * kHalfLife, kNow), kNow, 1e-3);
  EXPECT_NEAR(used_again(0, kNow), kNow, 1e-3);
}

TEST(PageWorth, ATimeThatAWrongClockSetIsNow) {
  EXPECT_EQ(believed(kNow + 29 * kHalfLife, kNow), kNow + 29 * kHalfLife);
  EXPECT_EQ(believed(kNow + 31 * kHalfLife, kNow), kNow);
  EXPECT_EQ(used_again(1e300, kNow), used_again(kNow, kNow));
}

TEST(PageWorth, WhatWasUsedLeastGoesFirstAndNoMoreThanIsNeeded) {
  const KeptPage pages[] = {page(1, 0, 0, 50), page(2, 0, 0, 70), page(3, 0, 0, 60)};
  EXPECT_EQ(least_worth(pages, 0), (std::vector<std::size_t>{}));
  EXPECT_EQ(least_worth(pages, 1), (std::vector<std::size_t>{1}));
  EXPECT_EQ(least_worth(pages, 11), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(least_worth(pages, 1000), (std::vector<std::size_t>{1, 2, 0}));
}

TEST(PageWorth, UsedOftenOutlivesUsedLast) {
  KeptPage often = page(1, 0, 0, 0);
  often.uses = kNow - kHalfLife;
  for (int i = 0; i < 5; ++i) often.uses = used_again(often.uses, kNow - kHalfLife);
  const KeptPage pages[] = {often, page(2, 0, 0, 0)};
  EXPECT_EQ(least_worth(pages, 1), (std::vector<std::size_t>{1}));
}

TEST(PageWorth, DeepPagesAreWorthMore) {
  // 64 pages deep costs twice as much: as a first page that was used a half-life later.
  std::vector<KeptPage> pages;
  for (int i = 0; i <= 64; ++i) pages.push_back(page(1 + i, i, i, kHalfLife));
  pages.push_back(page(100, 0, 0, 10));
  EXPECT_EQ(least_worth(pages, 11), (std::vector<std::size_t>{65, 64}));
  pages.back().uses += 20;
  EXPECT_EQ(least_worth(pages, 11), (std::vector<std::size_t>{64, 63}));
}

TEST(PageWorth, APageGoesOnlyAfterThoseThatFollowIt) {
  // 1 - 2 - 3 and 2 - 4: the oldest is 1, whose followers are in use.
  const KeptPage pages[] = {page(1, 0, 0, 900), page(2, 1, 1, 800), page(3, 2, 2, 5), page(4, 2, 2, 7),
                            page(5, 0, 0, 6)};
  EXPECT_EQ(least_worth(pages, 50), (std::vector<std::size_t>{4, 3, 2, 1, 0}));
}

TEST(PageWorth, APageThatNobodyCanFindGoesFirst) {
  // 2 is gone: 3 and 4 behind it are of no use, new and deep as they are.
  const KeptPage pages[] = {page(1, 0, 0, 900), page(3, 2, 2, 5), page(4, 3, 3, 1), page(5, 0, 0, 6)};
  EXPECT_EQ(least_worth(pages, 40), (std::vector<std::size_t>{1, 2, 0, 3}));
}

TEST(PageWorth, LabelsThatLieKeepNoPage) {
  const KeptPage circle[] = {page(1, 2, 4, 1), page(2, 1, 5, 2), page(3, 3, -5, 900), page(4, 4, 7, 3)};
  auto all = least_worth(circle, 1000);
  EXPECT_EQ(all.back(), 2U);  // found by its key, whatever it says
  std::ranges::sort(all);
  EXPECT_EQ(all, (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(PageWorth, NeverLeavesAPageWithoutTheOneBeforeIt) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<KeptPage> pages;
    for (int n = 1; n <= 60; ++n) {
      const int before = static_cast<int>(random() % static_cast<unsigned>(n));
      const std::int64_t index = before == 0 ? 0 : pages[static_cast<std::size_t>(before - 1)].index + 1;
      pages.push_back(page(n, before, index, random() % 1000));
    }
    const auto bytes = static_cast<std::int64_t>(random() % 700);
    const auto go = least_worth(pages, bytes);
    EXPECT_EQ(go.size(), static_cast<std::size_t>(std::min<std::int64_t>((bytes + 9) / 10, 60)));
    std::set<PageKey> left;
    for (const auto& kept : pages) left.insert(kept.key);
    for (const std::size_t i : go) EXPECT_EQ(left.erase(pages[i].key), 1U);
    for (const auto& kept : pages)
      if (left.contains(kept.key) && kept.index > 0) {
        EXPECT_TRUE(left.contains(kept.before));
      }
  }
}

}  // namespace
}  // namespace dsa
