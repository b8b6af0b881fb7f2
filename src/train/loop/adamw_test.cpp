#include "train/loop/adamw.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "testing/runnable_rows.h"

namespace dsa::train {
namespace {

class AdamWTest : public ::testing::TestWithParam<const RowKernels*> {
 protected:
  AdamW optimizer(std::vector<float>& x) { return AdamW(x, exec_, *GetParam()); }
  Exec exec_{2};
};

INSTANTIATE_TEST_SUITE_P(, AdamWTest, ::testing::ValuesIn(test::runnable_rows()),
                         [](const auto& info) { return std::string(info.param->name); });

// A step of the first gradient g moves a weight by lr g / (|g| + eps), whatever the betas; a second one of 0
// moves it by lr * (0.09 g / 0.19) / (sqrt(0.0475 g^2 / 0.0975) + eps).
TEST_P(AdamWTest, TakesTheStepsOfItsFormula) {
  std::vector<float> x{1, -2, 0.5F, 3};
  AdamW adam = optimizer(x);
  adam.step(std::vector<float>{0.5F, -4, 1e-8F, 0}, 0.25);
  EXPECT_FLOAT_EQ(x[0], 0.75F);
  EXPECT_FLOAT_EQ(x[1], -1.75F);
  EXPECT_FLOAT_EQ(x[2], 0.375F) << "as small as eps: half a step";
  EXPECT_FLOAT_EQ(x[3], 3);
  adam.step(std::vector<float>{0, 0, 0, 0}, 0.25);
  EXPECT_FLOAT_EQ(x[0], 0.75F - 0.25F * 0.473684211F / 0.697982387F);
  EXPECT_FLOAT_EQ(x[3], 3);
}

TEST_P(AdamWTest, FollowsItsFormulaInDouble) {
  std::vector<float> x{1, -2, 0.5F};
  std::vector<double> expected(x.begin(), x.end()), m(3), v(3);
  AdamW adam = optimizer(x);
  const CounterRng rng(1);
  for (int step = 1; step <= 50; ++step) {
    std::vector<float> g;
    for (std::size_t i = 0; i < 3; ++i)
      g.push_back(static_cast<float>(rng.unit(static_cast<std::uint64_t>(step) * 3 + i) - 0.3));
    adam.step(g, 0.01);
    for (std::size_t i = 0; i < 3; ++i) {
      m[i] = 0.9 * m[i] + 0.1 * static_cast<double>(g[i]);
      v[i] = 0.95 * v[i] + 0.05 * static_cast<double>(g[i]) * static_cast<double>(g[i]);
      expected[i] -=
          0.01 * m[i] / (1 - std::pow(0.9, step)) / (std::sqrt(v[i] / (1 - std::pow(0.95, step))) + 1e-8);
    }
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(x[i], expected[i], 1e-5);
}

TEST_P(AdamWTest, IsTheSameBitsForEveryFamilyAndNumberOfThreads) {
  constexpr std::int64_t kSize = 40'003;
  const auto start = test::random(kSize, 1), g = test::random(kSize, 2);
  const auto trained = [&](int threads, const RowKernels& rows) {
    Exec exec(threads);
    std::vector<float> x = start;
    AdamW adam(x, exec, rows);
    for (int step = 0; step < 3; ++step) adam.step(g, 0.01);
    return x;
  };
  EXPECT_EQ(trained(3, *GetParam()), trained(1, kPortableRows));
}

TEST_P(AdamWTest, GoesOnFromItsStateBitForBit) {
  const std::vector<float> start{1, -2, 0.5F}, g{0.1F, 0.2F, -0.3F};
  std::vector<float> straight = start, stopped = start;
  AdamW one = optimizer(straight);
  for (int i = 0; i < 10; ++i) one.step(g, 0.01);
  std::vector<float> first, second;
  {
    AdamW two = optimizer(stopped);
    EXPECT_EQ(two.state().steps, 0);
    EXPECT_TRUE(two.state().first_moment.empty());
    for (int i = 0; i < 4; ++i) two.step(g, 0.01);
    const auto state = two.state();
    ASSERT_EQ(state.steps, 4);
    first.assign(state.first_moment.begin(), state.first_moment.end());
    second.assign(state.second_moment.begin(), state.second_moment.end());
  }
  AdamW three = optimizer(stopped);
  three.step(g, 0);  // is forgotten
  three.restore({.steps = 4, .first_moment = first, .second_moment = second});
  for (int i = 4; i < 10; ++i) three.step(g, 0.01);
  EXPECT_EQ(straight, stopped);
}

TEST_P(AdamWTest, RestoredToNoStepItBeginsAnew) {
  std::vector<float> x{1, -2}, y = x;
  const std::vector<float> g{0.5F, 0.25F};
  AdamW used = optimizer(x), fresh = optimizer(y);
  used.step(g, 0);
  used.restore({});
  used.step(g, 0.1);
  fresh.step(g, 0.1);
  EXPECT_EQ(x, y);
}

}  // namespace
}  // namespace dsa::train
