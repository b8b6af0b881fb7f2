// The model from scratch in training: it computes what the model that runs computes, its gradients are those
// of its losses, and its losses do not touch each other.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>

#include "base/rng.h"
#include "checkpoint/config_json.h"
#include "checkpoint/open_model.h"
#include "kernels/dequantize.h"
#include "model/transformer.h"
#include "testing/copy.h"
#include "testing/golden_case.h"
#include "testing/mla_step.h"
#include "train/pretrain/mla_model.h"
#include "train/pretrain/mla_weights.h"

namespace dsa::train {
namespace {

namespace fs = std::filesystem;
using test::expect_slopes;
using test::kBatch;
using test::kContext;
using test::MlaStep;
using test::Slope;
using test::SmallStep;

class MlaModelTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, MlaModelTest,
                         ::testing::Values("deepseek_v32", "deepseek_v32_bf16", "deepseek_v32_mtp",
                                           "deepseek_v32_top1", "deepseek_v32_ties"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(MlaModelTest, ComputesWhatTheModelThatRunsDoes) {
  const ModelFiles files = open_model(fs::path(DSA_SOURCE_DIR) / "tests/goldens/models" / GetParam());
  const ModelConfig& c = files.config;
  MlaStep step(c, {.max_context = kGoldenTokens});
  for (const auto& entry : step.weights.entries()) {
    const StoredTensor* stored = files.tensors->find(entry.name);
    ASSERT_NE(stored, nullptr) << entry.name;
    ASSERT_EQ(stored->shape, entry.shape) << entry.name;
    dequantize(stored->type, stored->bytes.data(), step.weights.of(entry));
  }
  read(step.indexer, *files.tensors);
  std::vector<std::int32_t> tokens, all(kGoldenTokens);
  for (std::int64_t i = 0; i < kGoldenTokens; ++i)
    tokens.push_back(static_cast<std::int32_t>(i * 37 % c.vocab_size));
  std::iota(all.begin(), all.end(), 0);

  for (const auto& [stage, mode] : {std::pair{StageKind::sparse, AttentionMode::sparse},
                                    std::pair{StageKind::dense, AttentionMode::dense}}) {
    const auto logits = step.model.logits(tokens, stage);
    Transformer model(files, {.compute = Compute::f32, .context = 128, .chunk = 128}, choose_kernels(),
                      step.exec);
    std::int64_t rows = 0;
    model.set_hooks({.selection = [&](std::int64_t layer, TensorView<std::int32_t, 2> idx,
                                      std::span<std::int32_t> count) {
      const Selection& ours = step.model.selection(layer);
      for (std::int64_t t = 0; t < kGoldenTokens; ++t, ++rows)
        ASSERT_TRUE(std::ranges::equal(
            ours.row(t), idx.span(t).first(static_cast<std::size_t>(count[static_cast<std::size_t>(t)]))))
            << "layer " << layer << " row " << t;
    }});
    const std::int32_t pages[] = {0, 1};
    const SequenceSlice slice{.tokens = tokens,
                              .first_position = 0,
                              .page_table = pages,
                              .logits_rows = all,
                              .run = {.attention = mode}};
    SequenceStatus status;
    std::vector<float> expected(logits.size());
    model.forward({.sequences = {&slice, 1}}, {expected.data(), {kGoldenTokens, c.vocab_size}}, {&status, 1});
    ASSERT_TRUE(status.ok());
    EXPECT_EQ(rows, stage == StageKind::sparse ? c.num_hidden_layers * kGoldenTokens : 0);
    for (std::size_t i = 0; i < logits.size(); ++i)
      ASSERT_NEAR(logits[i], expected[i], 5e-5 * (1 + std::abs(expected[i]))) << name(stage) << " " << i;
  }
}

bool all_zero(std::span<const float> values) {
  return std::ranges::all_of(values, [](float x) { return x == 0; });
}

TEST(MlaModel, GradientsAreTheSlopesOfTheLosses) {
  for (const StageKind stage : {StageKind::dense, StageKind::sparse}) {
    SmallStep step;
    step.run(stage);
    FlatTensors gradient = step.gradient;
    for (const auto& entry : gradient.entries()) {
      const auto g = std::as_const(gradient).of(entry);
      if (entry.name.ends_with("e_score_correction_bias")) {
        EXPECT_TRUE(all_zero(g)) << "a router's bias takes part in choices alone";
        continue;
      }
      expect_slopes(
          {.step = 2e-3, .tolerance = 0.01}, step.weights.of(entry), g, [&] { return step.main_loss(stage); },
          fmt::format("{} {} ", name(stage), entry.name));
    }
  }
}

TEST(MlaModel, IndexersGradientsAreTheSlopesOfTheKl) {
  constexpr Slope kKinks{.step = 4e-4, .tolerance = 0.02};  // a ReLU's are near
  for (const StageKind stage : {StageKind::warmup, StageKind::sparse}) {
    SmallStep step;
    step.run(stage);
    IndexerTensors gradient = step.indexer_gradient;
    std::vector<std::span<float>> tensors, gradients;
    std::vector<std::string> names;
    step.indexer.for_each([&](const std::string& name, const auto&, std::span<float> values) {
      names.push_back(name);
      tensors.push_back(values);
    });
    gradient.for_each(
        [&](const std::string&, const auto&, std::span<float> values) { gradients.push_back(values); });
    for (std::size_t i = 0; i < tensors.size(); ++i)
      expect_slopes(
          kKinks, tensors[i], gradients[i], [&] { return step.index_loss(stage); },
          fmt::format("{} {} ", name(stage), names[i]));
  }
}

TEST(MlaModel, EachStageTrainsItsOwn) {
  SmallStep step;
  step.run(StageKind::dense);
  EXPECT_TRUE(all_zero(step.indexer_gradient.values()));
  EXPECT_FALSE(all_zero(step.gradient.values()));
  step.run(StageKind::warmup);
  EXPECT_FALSE(all_zero(step.indexer_gradient.values()));
  EXPECT_TRUE(all_zero(step.gradient.values()));
}

TEST(MlaModel, LossesDoNotTouchEachOther) {
  SmallStep step, quiet(0.25);
  step.run(StageKind::sparse);
  const auto main = test::copy(step.gradient.values()), indexer = test::copy(step.indexer_gradient.values());
  quiet.run(StageKind::sparse);
  EXPECT_NE(test::copy(quiet.gradient.values()), main);
  EXPECT_EQ(test::copy(quiet.indexer_gradient.values()), indexer) << "the model's loss reaches the indexers";

  // All scores doubled: the same selections, another KL.
  for (std::int64_t i = 0; i < step.indexer.shape().layers; ++i)
    for (float& w : step.indexer.layer(i).weights_proj) w *= 2;
  step.run(StageKind::sparse);
  EXPECT_NE(test::copy(step.indexer_gradient.values()), indexer);
  EXPECT_EQ(test::copy(step.gradient.values()), main) << "the KL reaches the main weights";
}

TEST(MlaModel, ABatchIsTheMeanOfItsSequences) {
  SmallStep step;
  const auto run = [&](std::int64_t first, std::int64_t count) {
    return static_cast<MlaStep&>(step).run(
        {.tokens = std::span(step.tokens)
                       .subspan(static_cast<std::size_t>(first * kContext),
                                static_cast<std::size_t>(count * kContext)),
         .context = kContext,
         .stage = StageKind::sparse});
  };
  const auto both = run(0, 2);
  const auto main = test::copy(step.gradient.values()), indexer = test::copy(step.indexer_gradient.values());
  std::vector<double> main_sum(main.size()), indexer_sum(indexer.size());
  double loss = 0, kl = 0;
  for (std::int64_t b = 0; b < 2; ++b) {
    const auto one = run(b, 1);
    loss += one.language_model / 2;
    kl += one.indexers[1].kl / 2;
    for (std::size_t i = 0; i < main.size(); ++i)
      main_sum[i] += static_cast<double>(step.gradient.values()[i]) / 2;
    for (std::size_t i = 0; i < indexer.size(); ++i)
      indexer_sum[i] += static_cast<double>(step.indexer_gradient.values()[i]) / 2;
  }
  EXPECT_NEAR(both.language_model, loss, 1e-5);
  EXPECT_NEAR(both.indexers[1].kl, kl, 1e-5);
  for (std::size_t i = 0; i < main.size(); ++i)
    ASSERT_NEAR(main[i], main_sum[i], 1e-5) << step.gradient.at(static_cast<std::int64_t>(i)).name;
  for (std::size_t i = 0; i < indexer.size(); ++i) ASSERT_NEAR(indexer[i], indexer_sum[i], 1e-5);
}

TEST(MlaModel, CountsWhatEveryExpertGot) {
  SmallStep step;
  const auto losses = step.run(StageKind::dense);
  ASSERT_EQ(losses.expert_load.size(), 3U);
  EXPECT_TRUE(losses.expert_load[0].empty()) << "a dense layer";
  for (const std::size_t layer : {1U, 2U}) {
    const auto& load = losses.expert_load[layer];
    EXPECT_EQ(std::accumulate(load.begin(), load.end(), std::int64_t{0}),
              2 * kBatch * (layer == 1 ? kContext : kContext - 1));
  }
  // What nobody chooses gets nothing.
  step.weights.of(*step.weights.find(router_bias(1)))[3] = -10;
  EXPECT_EQ(step.run(StageKind::dense).expert_load[1][3], 0);
}

TEST(MlaModel, RecallIsAShareOfTheBestPossible) {
  SmallStep step;
  const auto losses = static_cast<MlaStep&>(step).run({.tokens = step.tokens,
                                                       .context = kContext,
                                                       .stage = StageKind::warmup,
                                                       .gradients = MlaModel::Gradients::none,
                                                       .recall = true});
  for (const auto& layer : losses.indexers) {
    EXPECT_GT(layer.recall.rows, 0);
    EXPECT_GT(layer.recall.indexer, 0);
    EXPECT_LE(layer.recall.indexer, layer.recall.best + 1e-9);
    EXPECT_LT(layer.recall.best, 1);
  }
}

}  // namespace
}  // namespace dsa::train
