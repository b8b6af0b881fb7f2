#include "eval/budget_solver.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/draws.h"

namespace dsa {
namespace {

constexpr BudgetBounds kBounds{.least = 64, .most = 8192, .step = 16};

TEST(DivideBudget, LayersThatAreAlikeGetAlike) {
  const std::vector<double> weights(5, 3.0), nothing(5, 0.0);
  EXPECT_EQ(divide_budget(weights, 512, kBounds), std::vector<std::int64_t>(5, 512));
  EXPECT_EQ(divide_budget(nothing, 512, kBounds), std::vector<std::int64_t>(5, 512));
}

TEST(DivideBudget, TokensGoByTheRootOfWhatLayersLose) {
  const std::vector<double> weights{1, 4, 9, 16};
  const auto topk = divide_budget(weights, 512, kBounds);
  for (std::size_t i = 0; i < topk.size(); ++i)
    EXPECT_NEAR(static_cast<double>(topk[i]), 4 * 512 * std::sqrt(weights[i]) / 10, 16);
}

TEST(DivideBudget, TheMeanIsKeptWithinTheBounds) {
  Draws draws(0, 1);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> weights(1 + static_cast<std::size_t>(draws.below(30)));
    for (double& weight : weights) weight = draws.below(3) == 0 ? 0 : std::exp(10 * draws.unit());
    const BudgetBounds bounds{
        .least = 1 + draws.below(100), .most = 600 + draws.below(3000), .step = 1 + draws.below(40)};
    const std::int64_t mean = bounds.least + draws.below(bounds.most - bounds.least + 1);
    const auto topk = divide_budget(weights, mean, bounds);
    EXPECT_EQ(std::accumulate(topk.begin(), topk.end(), std::int64_t{0}), mean * std::ssize(topk));
    for (const std::int64_t tokens : topk) {
      EXPECT_GE(tokens, bounds.least);
      EXPECT_LE(tokens, bounds.most);
    }
  }
}

TEST(DivideBudget, NoOtherDivisionLosesLess) {
  const std::vector<double> weights{3, 70, 500};
  const auto loss = [&](double a, double b, double c) { return 3 / a + 70 / b + 500 / c; };
  const auto got = divide_budget(weights, 300, {.least = 20, .most = 700, .step = 4});
  const double mine =
      loss(static_cast<double>(got[0]), static_cast<double>(got[1]), static_cast<double>(got[2]));
  for (double a = 20; a <= 700; a += 4)
    for (double b = 20; b <= 700; b += 4)
      if (const double c = 900 - a - b; c >= 20 && c <= 700) {
        EXPECT_LE(mine, loss(a, b, c) + 1e-9);
      }
}

TEST(Shrunk, WithoutErrorsNothingAndWithNothingButErrorsAll) {
  const std::vector<double> estimates{1, 2, 6}, none{0, 0, 0}, large{9, 9, 9};
  EXPECT_EQ(shrunk(estimates, none), estimates);
  for (const double value : shrunk(estimates, large)) EXPECT_EQ(value, 3);
}

TEST(Shrunk, AnEstimateThatIsLessSureMovesFurther) {
  const std::vector<double> estimates{-10, 0, 10}, errors{1, 1, 5};
  const auto out = shrunk(estimates, errors);
  EXPECT_LT(std::abs(out[0] + 10), std::abs(out[2] - 10));
  EXPECT_LT(out[2], 10);
  EXPECT_GT(out[0], -10);
}

}  // namespace
}  // namespace dsa
