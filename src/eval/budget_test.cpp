#include "eval/budget.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/rng.h"
#include "eval/budget_report.h"
#include "testing/test_files.h"
#include "testing/text_model.h"

namespace dsa {
namespace {

TEST(Divergence, IsThatOfTwoDistributions) {
  const std::vector<float> p{1, 2, 3, -50}, q{901, 900, 903, 870};
  const auto probabilities = [](const std::vector<float>& logits) {
    std::vector<double> out;
    for (const float x : logits) out.push_back(std::exp(static_cast<double>(x - logits[2])));
    const double sum = std::accumulate(out.begin(), out.end(), 0.0);
    for (double& x : out) x /= sum;
    return out;
  };
  const auto a = probabilities(p), b = probabilities(q);
  double expected = 0;
  for (std::size_t i = 0; i < a.size(); ++i) expected += a[i] * std::log(a[i] / b[i]);
  EXPECT_NEAR(divergence(p, q), expected, 1e-5);
  EXPECT_NEAR(divergence(p, p), 0, 1e-7);
}

TEST(Hadamard, EachFactorIsHighInHalfOfTheRunsAndAnyTwoInAQuarter) {
  for (const std::uint64_t factors : {1, 2, 3, 7, 30, 31, 61}) {
    const std::uint64_t runs = hadamard_runs(factors);
    EXPECT_GT(runs, factors);
    for (std::uint64_t a = 0; a < factors; ++a)
      for (std::uint64_t b = 0; b <= a; ++b) {
        std::uint64_t both = 0;
        for (std::uint64_t run = 0; run < runs; ++run) both += high(run, a) && high(run, b) ? 1 : 0;
        EXPECT_EQ(both * (a == b ? 2 : 4), runs) << a << " and " << b << " of " << factors;
      }
  }
}

class BudgetOfTinyModel : public testing::Test {
 protected:
  static constexpr std::int64_t kLength = 128;

  void SetUp() override {
    test::write_text_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models/llama_gqa",
                           folder_.path() / "model");
    test::write_indexer_folder(folder_.path() / "model", folder_.path() / "indexer", {.heads = 2, .dim = 8},
                               16);
    const CounterRng rng(5);
    for (std::uint64_t i = 0; i < kLength; ++i)
      sample_.tokens.push_back(static_cast<std::int32_t>(rng.at(i) % 250));
    sample_.rows = 40;
    sample_.scored = 20;
  }
  struct Measured {
    BudgetFigures figures;
    double loss = 0;  // of `topk`
  };
  Measured measure(std::vector<std::int64_t> now, const std::vector<std::int64_t>& topk, int threads = 2) {
    const LoadOptions load{
        .topk = 2 * kLength, .context = kLength, .threads = threads, .indexer = folder_.path() / "indexer"};
    LoadedModel model(with_indexer(open_model(folder_.path() / "model"), load), load);
    BudgetMeasure measure(model, std::move(now), group_);
    Measured out{.figures = *measure.run(sample_, never_)};
    out.loss = *measure.loss(sample_, topk, never_);
    return out;
  }

  TempFolder folder_;
  BudgetSample sample_;
  std::int64_t group_ = 1;
  const std::atomic<bool> never_{false};
};

TEST_F(BudgetOfTinyModel, WhereNothingIsLeftOutNothingIsLost) {
  const Measured all = measure({2 * kLength, 2 * kLength, 2 * kLength}, {kLength, kLength, kLength});
  EXPECT_EQ(all.figures.loss, 0);
  EXPECT_EQ(all.figures.log_prob, 0);
  EXPECT_EQ(all.figures.effect, std::vector<double>(3, 0));
  EXPECT_EQ(all.loss, 0);
}

TEST_F(BudgetOfTinyModel, AnEffectIsOfTheRunsWithMoreAgainstThoseWithFewer) {
  const std::vector<std::int64_t> now{8, 10, 2 * kLength};  // the last layer never selects
  const BudgetFigures figures = measure(now, now).figures;
  EXPECT_EQ(figures.loss, measure(now, now).loss);
  EXPECT_GT(figures.loss, 0);
  double effect = 0;
  for (const std::int64_t other : {5, 20})
    effect += (measure(now, {16, other, kLength}).loss - measure(now, {4, other, kLength}).loss) / 2;
  EXPECT_NEAR(figures.effect[0], effect, 1e-9);
  // In the third column of four runs is also how the first two layers change one another's effect.
}

TEST_F(BudgetOfTinyModel, LayersOfAGroupChangeTogether) {
  group_ = 2;
  const std::vector<std::int64_t> now{8, 10, 2 * kLength};
  const BudgetFigures figures = measure(now, now).figures;
  const double effect = measure(now, {16, 20, kLength}).loss - measure(now, {4, 5, kLength}).loss;
  EXPECT_NEAR(figures.effect[0], effect / 2, 1e-9);
  EXPECT_NEAR(figures.effect[1], effect / 2, 1e-9);
  EXPECT_NEAR(figures.effect[2], 0, 1e-12);
}

TEST_F(BudgetOfTinyModel, NeitherThreadsNorTheDealChangeWhatIsMeasured) {
  const std::vector<std::int64_t> now{8, 16, 2 * kLength};
  const BudgetFigures two = measure(now, now).figures;
  EXPECT_EQ(measure(now, now, 1).figures.effect, two.effect);
  sample_.deal = 7;
  const BudgetFigures dealt = measure(now, now).figures;
  for (std::size_t layer = 0; layer < 3; ++layer) EXPECT_NEAR(dealt.effect[layer], two.effect[layer], 1e-9);
}

TEST_F(BudgetOfTinyModel, TheTokensThatCameCountForTheirLogProbabilityAlone) {
  const BudgetFigures one = measure({8, 8, 8}, {8, 8, 8}).figures;
  sample_.tokens.back() = (sample_.tokens.back() + 1) % 250;
  const BudgetFigures other = measure({8, 8, 8}, {8, 8, 8}).figures;
  EXPECT_NE(one.log_prob, 0);
  EXPECT_NE(other.log_prob, one.log_prob);
  EXPECT_EQ(other.loss, one.loss);
}

constexpr BudgetBounds kWide{.least = 32, .most = 8192, .step = 16};

BudgetFigures figures(double loss, std::vector<double> effect, std::int64_t scored = 1) {
  return {.loss = loss, .log_prob = -loss, .scored = scored, .effect = std::move(effect)};
}

TEST(BudgetTotals, EveryScoredTokenCounts) {
  BudgetTotals totals;
  EXPECT_TRUE(totals.empty());
  totals.add("text", figures(0.5, {-0.25, 0}, 8));
  totals.add("single", figures(1, {0, -1}));
  totals.add("single", figures(3, {0, -1}));
  const BudgetPlan plan = totals.plan({256, 256}, 256, kWide);
  EXPECT_NEAR(plan.effect[0], -2.0 / 8, 1e-12);
  EXPECT_NEAR(plan.effect[1], -2.0 / 8, 1e-12);
  // What is left of -2, 0 and 0 when a quarter of 4, 1 and 3 is taken: -1, 0.25 and 0.75.
  EXPECT_NEAR(plan.error[0], std::sqrt((1 + 0.0625 + 0.5625) * 3 / 2) / 8, 1e-12);
  EXPECT_EQ(plan.kinds.at("single").loss, 2);
  EXPECT_EQ(plan.kinds.at("single").samples, 2);
  EXPECT_EQ(plan.after[0] + plan.after[1], 512);
  EXPECT_NE(to_html(plan, {{"model", "a<b"}}).find("a&lt;b"), std::string::npos);
}

TEST(BudgetTotals, TokensMoveFromWhereTheyDoLittle) {
  BudgetTotals totals;
  for (int i = 0; i < 3; ++i) totals.add("text", figures(1, {-0.09, -0.01}));
  const BudgetPlan plan = totals.plan({256, 256}, 256, kWide);
  EXPECT_EQ(plan.after, (std::vector<std::int64_t>{384, 128}));
  // 0.06 and 0.0067 of the loss at 256 each.
  EXPECT_NEAR(plan.expected, 0.06 * (256.0 / 384 - 1) + 0.02 / 3 * (2 - 1), 1e-9);
}

TEST(BudgetTotals, SamplesThatLoseNothingSayNothing) {
  BudgetTotals totals;
  totals.add("text", figures(0, {0}));
  expect_error([&] { static_cast<void>(totals.plan({256}, 256, kWide)); }, {"costs these samples nothing"});
}

}  // namespace
}  // namespace dsa
