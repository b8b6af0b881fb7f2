#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/indexer.h"
#include "testing/cases.h"

namespace dsa {
namespace {

using test::kInf;
using test::kNaN;

std::vector<std::int32_t> select(const std::vector<float>& scores, std::int64_t topk) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(std::max<std::int64_t>(topk, 0)) + 2, -7);
  std::vector<std::byte> scratch(topk_scratch_bytes(static_cast<std::int64_t>(scores.size())));
  const std::int64_t count = topk_select(scores, topk, out, scratch);
  for (std::size_t i = static_cast<std::size_t>(count); i < out.size(); ++i)
    EXPECT_EQ(out[i], -7) << "written past";
  out.resize(static_cast<std::size_t>(count));
  return out;
}

/// The definition: sort by (score descending, position ascending), keep topk, sort by position.
std::vector<std::int32_t> by_sorting(const std::vector<float>& scores, std::int64_t topk) {
  std::vector<std::int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto value = [&](std::int32_t s) { return std::isnan(scores[s]) ? -kInf : scores[s]; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return value(a) > value(b); });
  order.resize(std::min(order.size(), static_cast<std::size_t>(topk)));
  std::sort(order.begin(), order.end());
  return order;
}

using Positions = std::vector<std::int32_t>;

TEST(TopkSelect, HandComputed) {
  EXPECT_EQ(select({1, 5, 3, 4, 2}, 2), (Positions{1, 3}));
  EXPECT_EQ(select({2, 2, 2, 2}, 2), (Positions{0, 1}));
  EXPECT_EQ(select({1, 2, 1, 2, 1}, 3), (Positions{0, 1, 3}));
  EXPECT_EQ(select({-1, -2, -3}, 1), (Positions{0}));
  EXPECT_EQ(select({-3, -2, -1}, 1), (Positions{2}));
}

TEST(TopkSelect, ZerosOfBothSignsTie) {
  EXPECT_EQ(select({-0.0F, 0.0F, -0.0F, 0.0F}, 2), (Positions{0, 1}));
  EXPECT_EQ(select({-1, -0.0F, 0.0F, -1}, 1), (Positions{1}));
}

TEST(TopkSelect, InfinityAndNaN) {
  EXPECT_EQ(select({kNaN, 1, kInf, -kInf}, 2), (Positions{1, 2}));
  EXPECT_EQ(select({kNaN, -kInf, kNaN, -kInf}, 3), (Positions{0, 1, 2}));  // all equal: lowest first
  EXPECT_EQ(select({-kInf, -kNaN, -1e38F, kNaN}, 2), (Positions{0, 2}));
  EXPECT_EQ(select({kInf, kInf, kInf}, 2), (Positions{0, 1}));
  EXPECT_EQ(select({0x1p-149F, 0, -0x1p-149F, 0x1p-148F}, 2), (Positions{0, 3}));
}

TEST(TopkSelect, CountsAtTheEdges) {
  EXPECT_EQ(select({}, 4), Positions{});
  EXPECT_EQ(select({3, 1, 2}, 0), Positions{});
  EXPECT_EQ(select({3, 1, 2}, 3), (Positions{0, 1, 2}));
  EXPECT_EQ(select({3, kNaN, 2}, 9), (Positions{0, 1, 2}));
}

TEST(TopkSelect, AgainstSorting) {
  const CounterRng rng(11);
  std::uint64_t counter = 0;
  for (const std::int64_t count : {1, 2, 7, 64, 65, 1000, 5000, 20000})
    for (int kind = 0; kind < 7; ++kind) {
      std::vector<float> scores(static_cast<std::size_t>(count));
      for (std::int64_t s = 0; s < count; ++s) {
        const auto uniform = static_cast<float>(rng.unit(counter++) - 0.5);
        switch (kind) {
          case 0:
            scores[s] = uniform;
            break;
          case 1:
            scores[s] = 3;
            break;  // all equal
          case 2:
            scores[s] = static_cast<float>(s);
            break;  // ascending
          case 3:
            scores[s] = static_cast<float>(-s);
            break;  // descending
          case 4:
            scores[s] = std::floor(uniform * 4);
            break;  // thousands of ties
          case 5:
            scores[s] = std::ldexp(uniform, static_cast<int>(s % 250) - 125);
            break;  // every exponent
          default:
            scores[s] = s % 3 == 0 ? kNaN : s % 3 == 1 ? -kInf : uniform;
        }
      }
      for (const std::int64_t topk :
           {std::int64_t{1}, std::int64_t{2}, count / 3, count - 1, count, std::int64_t{2048}})
        ASSERT_EQ(select(scores, topk), by_sorting(scores, topk))
            << count << " kind " << kind << " k " << topk;
    }
}

TEST(TopkSelect, KeysThatShareTheirUpperBits) {
  // Scores that differ in the last mantissa bits only: all three digits of the radix matter.
  std::vector<float> scores;
  for (std::uint32_t i = 0; i < 6000; ++i)
    scores.push_back(std::bit_cast<float>(0x3F800000U + i * 7919 % 4096));
  for (const std::int64_t topk : {1, 100, 4096, 5999})
    EXPECT_EQ(select(scores, topk), by_sorting(scores, topk));
}

TEST(TopkSelect, LongestContext) {
  std::vector<float> scores(163840);
  const CounterRng rng(12);
  for (std::size_t s = 0; s < scores.size(); ++s) scores[s] = static_cast<float>(rng.unit(s));
  EXPECT_EQ(select(scores, 2048), by_sorting(scores, 2048));
}

}  // namespace
}  // namespace dsa
