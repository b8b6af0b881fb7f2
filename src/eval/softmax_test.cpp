#include "eval/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace dsa {
namespace {

TEST(Exponentials, AreThoseOfTheMathematicsForEveryLength) {
  for (std::size_t count : {1U, 2U, 15U, 16U, 17U, 33U, 5000U}) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i)
      values[i] = static_cast<float>(std::fmod(static_cast<double>(i) * 37.77, 87.0)) - 20;
    const std::vector<float> before = values;
    const double sum = exponentials(values);
    const float top = *std::ranges::max_element(before);
    double expected = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double e = std::exp(static_cast<double>(before[i] - top));  // the difference is float32's
      EXPECT_NEAR(static_cast<double>(values[i]), e, 2e-7 * e) << count << " " << i;
      expected += e;
    }
    EXPECT_NEAR(sum, expected, 1e-6 * expected) << count;
  }
}

TEST(Exponentials, OfWhatIsFarBelowAreNothing) {
  std::vector<float> values{5.0F, -95.5F, -1e30F, 5.0F};
  EXPECT_EQ(exponentials(values), 2);
  EXPECT_EQ(values, (std::vector<float>{1, 0, 0, 1}));
}

}  // namespace
}  // namespace dsa
