#include "train/warmup/indexer_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/indexer.h"
#include "testing/layer_case.h"
#include "testing/runnable_rows.h"

namespace dsa::train {
namespace {

const std::vector<std::int32_t> kRows{0, 3, 15, 16, 17, 31, 32, 40, 59, 60};

struct Result {
  LayerLoss loss;
  std::vector<float> gradient;
};

Result run(LayerCase& layer, std::span<const std::int32_t> rows, TargetMix mix, const RowKernels& kernels,
           int threads, std::int64_t recall_topk = 0, const PairKernels* pairs = nullptr) {
  Exec exec(threads);
  IndexerLoss loss(layer.sizes().shape, layer.loss_sizes(static_cast<std::int64_t>(rows.size())),
                   layer.rope(), exec, kernels, pairs);
  IndexerTensors gradient(layer.sizes().shape);
  const auto out = gradient.layer(0);
  const LossRequest request{.rows = rows, .mix = mix, .recall_topk = recall_topk};
  Result result;
  const auto weights = std::as_const(layer.parameters()).layer(0);
  loss.read(layer.inputs());
  result.loss = loss.layer(weights, request, &out);
  result.gradient.assign(gradient.values().begin(), gradient.values().end());
  return result;
}

class Loss : public ::testing::TestWithParam<const RowKernels*> {};
INSTANTIATE_TEST_SUITE_P(, Loss, ::testing::ValuesIn(test::runnable_rows()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(Loss, IsItsDefinition) {
  LayerCase layer({});
  for (const float share : {0.0F, 0.3F, 1.0F}) {
    const double expected = layer.loss(layer.weights(), kRows, {share});
    EXPECT_NEAR(run(layer, kRows, {share}, *GetParam(), 2).loss.kl, expected, 1e-5 * expected) << share;
  }
}

TEST_P(Loss, GradientMatchesFiniteDifferences) {
  LayerCase layer({});
  const Result result = run(layer, kRows, {0.3F}, *GetParam(), 2);
  auto weights = layer.weights();
  constexpr double kStep = 1e-6;
  double largest = 0;
  for (const float g : result.gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  ASSERT_GT(largest, 1e-3);
  for (std::size_t i = 0; i < weights.size(); i += 7) {  // every tensor is met many times
    const double before = weights[i];
    weights[i] = before + kStep;
    const double above = layer.loss(weights, kRows, {0.3F});
    weights[i] = before - kStep;
    const double below = layer.loss(weights, kRows, {0.3F});
    weights[i] = before;
    ASSERT_NEAR(result.gradient[i], (above - below) / (2 * kStep), 2e-5 * largest) << "weight " << i;
  }
}

TEST_P(Loss, BlocksThreadsAndRunsGiveTheSameBits) {
  CaseSizes sizes;
  sizes.context = 300;  // more rows than one block, more tokens than one tile of the way back
  LayerCase layer(sizes);
  std::vector<std::int32_t> rows;
  for (std::int32_t t = 1; t < 300; t += 2) rows.push_back(t);
  const Result one = run(layer, rows, {1}, *GetParam(), 1), three = run(layer, rows, {1}, *GetParam(), 3);
  EXPECT_EQ(one.loss.kl, three.loss.kl);
  EXPECT_EQ(one.gradient, three.gradient);
  const double expected = layer.loss(layer.weights(), rows, {1});
  EXPECT_NEAR(one.loss.kl, expected, 1e-5 * expected);
}

TEST_P(Loss, RecallIsTheShareOfTheTargetThatIsSelected) {
  LayerCase layer({});
  constexpr std::int64_t kTopk = 12;
  const Recall recall = run(layer, kRows, {1}, *GetParam(), 2, kTopk).loss.recall;
  Recall expected;
  std::vector<std::byte> scratch(topk_scratch_bytes(layer.sizes().context));
  for (const std::int32_t t : kRows) {
    if (t < kTopk) continue;
    ++expected.rows;
    const auto p = layer.target(t, {1}), scores = layer.scores(layer.weights(), t);
    const auto kept = [&](const std::vector<double>& by) {
      std::vector<std::size_t> order(p.size());
      for (std::size_t s = 0; s < order.size(); ++s) order[s] = s;
      std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return by[a] > by[b]; });
      double mass = 0;
      for (std::size_t i = 0; i < kTopk; ++i) mass += p[order[i]];
      return mass;
    };
    expected.indexer += kept(scores);
    expected.best += kept(p);
  }
  ASSERT_EQ(recall.rows, expected.rows);
  EXPECT_NEAR(recall.indexer, expected.indexer / static_cast<double>(expected.rows), 1e-5);
  EXPECT_NEAR(recall.best, expected.best / static_cast<double>(expected.rows), 1e-5);
}

// What is rounded is near what is not, and its bits depend on the threads as little.
TEST(IndexerLoss, InPairsIsNearTheWhole) {
  const KernelTable& kernels = choose_kernels();
  if (kernels.pairs == nullptr) GTEST_SKIP() << "this processor does not multiply BF16";
  CaseSizes sizes;
  sizes.context = 300;
  LayerCase layer(sizes);
  std::vector<std::int32_t> rows;
  for (std::int32_t t = 1; t < 300; t += 2) rows.push_back(t);
  const Result exact = run(layer, rows, {0.3F}, *kernels.rows, 2);
  const Result one = run(layer, rows, {0.3F}, *kernels.rows, 1, 20, kernels.pairs);
  const Result three = run(layer, rows, {0.3F}, *kernels.rows, 3, 20, kernels.pairs);
  EXPECT_EQ(one.loss.kl, three.loss.kl);
  EXPECT_EQ(one.gradient, three.gradient);
  EXPECT_NE(one.loss.kl, exact.loss.kl);
  EXPECT_NEAR(one.loss.kl, exact.loss.kl, 0.005 * exact.loss.kl);
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < exact.gradient.size(); ++i) {
    difference += std::pow(static_cast<double>(one.gradient[i] - exact.gradient[i]), 2);
    size += std::pow(static_cast<double>(exact.gradient[i]), 2);
  }
  EXPECT_LT(std::sqrt(difference / size), 0.02);
}

TEST(IndexerLoss, DescendsAlongItsGradient) {
  LayerCase layer({});
  const Result before = run(layer, kRows, {1}, *choose_kernels().rows, 1);
  for (std::size_t i = 0; i < before.gradient.size(); ++i)
    layer.parameters().values()[i] -= 0.01F * before.gradient[i];
  EXPECT_LT(run(layer, kRows, {1}, *choose_kernels().rows, 1).loss.kl, before.loss.kl);
}

}  // namespace
}  // namespace dsa::train
