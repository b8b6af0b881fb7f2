#include "engine/page_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

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

TEST(PagePool, NeverLosesOrSharesAPage) {
  PagePool pool(50);
  std::set<std::int32_t> held;
  std::mt19937 random(1);
  for (int step = 0; step < 10'000; ++step) {
    if (random() % 2 == 0) {
      const auto page = pool.allocate();
      EXPECT_EQ(page.has_value(), held.size() < 50);
      if (page) {
        EXPECT_TRUE(held.insert(*page).second) << "page " << *page << " was handed out twice";
      }
    } else if (!held.empty()) {
      auto victim = held.begin();
      std::advance(victim, static_cast<long>(random() % held.size()));
      const std::int32_t page = *victim;
      pool.release({&page, 1});
      held.erase(victim);
    }
    ASSERT_EQ(pool.available() + static_cast<std::int64_t>(held.size()), 50);
  }
}

TEST(PagePoolDeathTest, GivingBackTwiceIsABug) {
  PagePool pool(2);
  const std::int32_t page = *pool.allocate();
  pool.release({&page, 1});
  EXPECT_DEATH(pool.release({&page, 1}), "does not hold");
}

}  // namespace
}  // namespace dsa
