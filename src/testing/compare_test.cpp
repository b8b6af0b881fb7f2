// The comparison itself must be able to fail.
#include "testing/compare.h"

#include <string>
#include <vector>

#include "testing/cases.h"

namespace dsa::test {
namespace {

::testing::AssertionResult compare(const std::vector<float>& actual, const std::vector<float>& expected) {
  const std::array<std::int64_t, 2> shape{2, static_cast<std::int64_t>(expected.size()) / 2};
  return close(TensorView<const float, 2>(actual.data(), shape),
               TensorView<const float, 2>(expected.data(), shape), {1e-3, 0});
}

TEST(Compare, AcceptsWithinToleranceOfTheRow) {
  EXPECT_TRUE(compare({100, 0.05F, 1, 1}, {100, 0, 1, 1}));
  EXPECT_TRUE(compare({kNaN, kInf, -kInf, 1}, {-kNaN, kInf, -kInf, 1}));
}

TEST(Compare, NamesTheWorstCoordinate) {
  const auto result = compare({1, 1.1F, 5, 1}, {1, 1, 1, 1});
  EXPECT_FALSE(result);
  EXPECT_NE(std::string(result.message()).find("[1, 0]"), std::string::npos) << result.message();
}

TEST(Compare, ARowIsNotExcusedByALargerNeighbour) {
  EXPECT_FALSE(compare({1000, 1, 0.1F, 1}, {1000, 1, 0, 1}));
}

TEST(Compare, NonFinitePositionsComeFirst) {
  for (const float odd : {kNaN, kInf, -kInf}) {
    EXPECT_FALSE(compare({odd, 1, 1, 1}, {1, 1, 1, 1}));
    EXPECT_FALSE(compare({1, 1, 1, 1}, {1, 1, odd, 1}));
  }
  EXPECT_FALSE(compare({kInf, 1, 1, 1}, {-kInf, 1, 1, 1}));
}

TEST(Compare, BitsTellZerosApart) {
  const std::vector<float> plus{0.0F};
  const std::vector<float> minus{-0.0F};
  EXPECT_FALSE(same_bits(plus, minus));
  EXPECT_TRUE(same_bits(std::vector<float>{kNaN}, std::vector<float>{-kNaN}));
  EXPECT_FALSE(same_bits(std::vector<float>{1, 2}, std::vector<float>{1}));
}

TEST(Cases, GapsAreWatched) {
  Padded<2> x({3, 4});
  x.fill(1);
  EXPECT_TRUE(x.gaps_untouched());
  EXPECT_EQ(x.values().size(), 12U);
  x.view().row(1)[4] = 0;  // one past the row
  EXPECT_FALSE(x.gaps_untouched());
}

}  // namespace
}  // namespace dsa::test
