#include "eval/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace dsa {
namespace {

// With one degree of freedom it is Cauchy's distribution, with two it has a closed form too.
TEST(StudentT, ClosedFormsOfOneAndTwoDegrees) {
  for (const double t : {-5.0, -1.0, -0.1, 0.0, 0.5, 2.0, 30.0}) {
    EXPECT_NEAR(student_t_cdf(t, 1), 0.5 + std::atan(t) / std::numbers::pi, 1e-12);
    EXPECT_NEAR(student_t_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-12);
  }
}

// From the printed tables.
TEST(StudentT, QuantilesOfTheTables) {
  EXPECT_NEAR(student_t_quantile(0.95, 1), 12.706, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.95, 10), 2.228, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.99, 30), 2.750, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.95, 1e6), 1.960, 5e-4);
}

TEST(Wilson, HandComputed) {
  // z = 1.959964, z^2 = 3.841459; 0 of 10: high = z^2 / (n + z^2).
  const auto none = wilson_interval(0, 10);
  EXPECT_NEAR(none.low, 0, 1e-12);
  EXPECT_NEAR(none.high, 3.841459 / 13.841459, 1e-6);
  // 5 of 10: 0.5 -+ z / (2 sqrt(n + z^2)).
  const auto half = wilson_interval(5, 10);
  EXPECT_NEAR(half.low, 0.5 - 1.959964 / (2 * std::sqrt(13.841459)), 1e-6);
  EXPECT_NEAR(half.high, 0.5 + 1.959964 / (2 * std::sqrt(13.841459)), 1e-6);
  EXPECT_NEAR(wilson_interval(10, 10).high, 1, 1e-12);
}

TEST(McNemar, CountsTheBinomialTail) {
  EXPECT_NEAR(mcnemar_p_worse(0, 0), 1, 1e-12);
  EXPECT_NEAR(mcnemar_p_worse(8, 1), 10.0 / 512, 1e-12);   // C(9,8) + C(9,9) of 2^9
  EXPECT_NEAR(mcnemar_p_worse(1, 8), 511.0 / 512, 1e-12);  // all but C(9,0)
  EXPECT_NEAR(mcnemar_p_worse(5, 0), 1.0 / 32, 1e-12);
}

TEST(PairedDifference, HandComputed) {
  // Mean 2, deviation 1, error 1/sqrt(3), t = 3.4641 with 2 degrees: one-sided tail 0.037090.
  const std::vector<double> up{1, 2, 3}, down{-1, -2, -3};
  const auto better = paired_difference(up);
  EXPECT_EQ(better.n, 3);
  EXPECT_NEAR(better.mean, 2, 1e-12);
  ASSERT_TRUE(better.interval);
  EXPECT_NEAR(better.interval->low, 2 - 4.302653 / std::sqrt(3.0), 1e-5);
  EXPECT_NEAR(better.p_below_zero, 1 - 0.0370900, 1e-6);
  EXPECT_NEAR(paired_difference(down).p_below_zero, 0.0370900, 1e-6);
}

TEST(PairedDifference, TooFewOrAllEqual) {
  EXPECT_FALSE(paired_difference(std::vector<double>{}).interval);
  EXPECT_FALSE(paired_difference(std::vector<double>{-1}).interval);
  EXPECT_EQ(paired_difference(std::vector<double>{-1}).p_below_zero, 1);
  const auto equal = paired_difference(std::vector<double>{0, 0});
  EXPECT_EQ(equal.p_below_zero, 1);
  EXPECT_EQ(equal.interval->high, 0);
}

TEST(PooledDifference, IsTheRatioOfTheSums) {
  const std::vector<double> differences{-1, -3}, weights{10, 30};
  const auto pooled = pooled_difference(differences, weights);
  EXPECT_NEAR(pooled.mean, -0.1, 1e-12);
  EXPECT_NEAR(pooled.interval->high, -0.1, 1e-12);  // both pairs say exactly that
  // Residuals -+5 about 0: error sqrt(50 * 2) / 40.
  const std::vector<double> opposed{-5, 5}, same{20, 20};
  EXPECT_NEAR(pooled_difference(opposed, same).interval->high, 12.7062 * 10 / 40, 1e-3);
}

// Holm's own procedure by hand: 4 * 0.01, 3 * 0.02, then never lower than the one before, never above 1.
TEST(Holm, StepsDown) {
  const std::vector<double> p{0.03, 0.01, 0.5, 0.02};
  const auto adjusted = holm(p);
  EXPECT_NEAR(adjusted[1], 0.04, 1e-12);
  EXPECT_NEAR(adjusted[3], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[0], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[2], 0.5, 1e-12);
  EXPECT_EQ(holm(std::vector<double>{0.9, 0.8})[0], 1);
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace dsa
