#include "engine/page_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace dsa {
namespace {

TEST(PagePool, HandsOutEveryPageOnceLowestFirst) {
  PagePool pool(3);
  EXPECT_EQ(pool.allocate(), 0);
  EXPECT_EQ(pool.allocate(), 1);
  EXPECT_EQ(pool.allocate(), 2);
  EXPECT_EQ(pool.allocate(), std::nullopt);
  const std::int32_t back[] = {2, 0};
  pool.release(back);
  EXPECT_EQ(pool.available(), 2);
  EXPECT_EQ(pool.allocate(), 0);
  EXPECT_EQ(pool.allocate(), 2);
  EXPECT_EQ(PagePool(0).allocate(), std::nullopt);
}

TEST(PagePool, ASharedPageIsFreeWhenTheLastHolderLetsGo) {
  PagePool pool(2);
  const std::int32_t page = *pool.allocate();
  pool.share({&page, 1});
  EXPECT_EQ(pool.holders(page), 2);
  pool.release({&page, 1});
  EXPECT_EQ(pool.available(), 1);
  pool.release({&page, 1});
  EXPECT_EQ(pool.holders(page), 0);
  EXPECT_EQ(pool.allocate(), page);
}

// Against a model: a map from each held page to its holders.
TEST(PagePool, NeverLosesAPageNorHandsOutAHeldOne) {
  PagePool pool(50);
  std::map<std::int32_t, std::int32_t> held;
  std::mt19937 random(1);
  for (int step = 0; step < 20'000; ++step) {
    const auto any = [&] { return std::next(held.begin(), static_cast<long>(random() % held.size())); };
    const auto action = random() % 4;
    if (action < 2) {
      const auto page = pool.allocate();
      EXPECT_EQ(page.has_value(), held.size() < 50);
      if (page) {
        EXPECT_TRUE(held.emplace(*page, 1).second) << "page " << *page << " was handed out twice";
      }
    } else if (!held.empty()) {
      const auto chosen = any();
      const std::int32_t page = chosen->first;
      if (action == 2) {
        pool.share({&page, 1});
        ++chosen->second;
      } else {
        pool.release({&page, 1});
        if (--chosen->second == 0) held.erase(chosen);
      }
    }
    ASSERT_EQ(pool.available() + static_cast<std::int64_t>(held.size()), 50);
    for (std::int32_t page = 0; page < 50; ++page)
      ASSERT_EQ(pool.holders(page), held.contains(page) ? held[page] : 0);
  }
}

TEST(PagePoolDeathTest, GivingBackTwiceAndSharingAFreePageAreBugs) {
  PagePool pool(2);
  const std::int32_t page = *pool.allocate();
  pool.release({&page, 1});
  EXPECT_DEATH(pool.release({&page, 1}), "does not hold");
  EXPECT_DEATH(pool.share({&page, 1}), "does not hold");
}

}  // namespace
}  // namespace dsa
