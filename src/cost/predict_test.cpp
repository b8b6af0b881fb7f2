#include "cost/predict.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/config_json.h"
#include "cost/known_model.h"
#include "testing/sparse_v32.h"

namespace dsa::cost {
namespace {

// One layer of one BF16 matrix of 1,000 x 1,000 (2 MB) and, with experts, 8 more of the same, of which a
// token takes 2.  An entry has 100 + 100 elements, 400 bytes, for 10 heads.
ModelShape tiny(std::int64_t experts = 0) {
  const MatrixShape matrix{.type = DType::bf16, .rows = 1000, .cols = 1000, .bytes = 2e6};
  ModelShape out{.hidden = 1000, .heads = 10, .score_dim = 100};
  out.layers.push_back(
      {.matrices = {matrix}, .expert = {}, .cache = {.groups = 1, .rank = 100, .rope_dim = 100}});
  if (experts > 0) out.layers[0].expert = {matrix};
  out.experts = experts;
  out.experts_chosen = experts > 0 ? 2 : 0;
  return out;
}

// Reads 2 GB/s, of which programs reach a half; computes 1,000 GFLOP/s, of which they reach a half.
Hardware machine(double devices = 1) {
  Hardware m;
  m.devices = devices;
  m.memory_gb = 1;
  m.read_gb_s = 2;
  m.fp32_gflop_s = m.bf16_gflop_s = m.fp8_gflop_s = m.int8_gop_s = 1000;
  m.read_share = m.arithmetic_share = 0.5;
  m.chunk_tokens = 100;
  m.link_gb_s = 1;
  m.link_latency_us = 0;
  return m;
}

// 2 MB and 400 bytes for each of 100 + 1 entries at 1 GB/s.
TEST(Predict, ADecodedTokenWaitsForItsBytes) {
  EXPECT_DOUBLE_EQ(decode_seconds(tiny(), machine(), 0, 100, 1), 2e-3 + 101 * 400e-9);
}

TEST(Predict, SequencesSideBySideShareTheWeights) {
  EXPECT_DOUBLE_EQ(decode_seconds(tiny(), machine(), 0, 100, 3), 2e-3 + 3 * 101 * 400e-9);
}

// 100 tokens: 2e8 operations at 500 GFLOP/s are 0.4 ms, the 2 MB take 2 ms; 0.2 at 10 times the bandwidth.
TEST(Predict, APromptWaitsForWhicheverTakesLonger) {
  const Pass pass{.tokens = 100, .chunk = 100, .logits = Logits::of_the_last};
  Hardware m = machine();
  const double attention = 5050.0 * 2 * 10 * 200 / 500e9;
  EXPECT_DOUBLE_EQ(prefill_seconds(tiny(), m, 0, pass), 2e-3 + std::max(attention, 100 * 400e-9));
  m.read_gb_s = 20;
  EXPECT_DOUBLE_EQ(prefill_seconds(tiny(), m, 0, pass), 4e-4 + attention);
}

// Two devices: half the matrix each, the entries whole; two sums of 1,000 BF16 elements at 1 GB/s.
TEST(Predict, TensorParallelSplitsMatricesAndNotTheCache) {
  Hardware m = machine(2);
  m.tensor_parallel = 2;
  EXPECT_DOUBLE_EQ(decode_seconds(tiny(), m, 0, 100, 1), 1e-3 + 101 * 400e-9 + 2 * 2 * 0.5 * 2000e-9);
  m.link_latency_us = 10;
  EXPECT_DOUBLE_EQ(decode_seconds(tiny(), m, 0, 100, 1), 1e-3 + 101 * 400e-9 + 2 * 2 * 0.5 * 2000e-9 + 20e-6);
}

// Two experts of 2 MB are read: 4 ms, by two devices 2 ms; 3 bytes of 1,000 elements for 2 experts, of
// whom one is elsewhere.
TEST(Predict, ExpertParallelSplitsTheExpertsAlone) {
  EXPECT_DOUBLE_EQ(decode_seconds(tiny(8), machine(), 0, 0, 1), 6e-3 + 400e-9);
  Hardware m = machine(2);
  m.expert_parallel = 2;
  EXPECT_DOUBLE_EQ(decode_seconds(tiny(8), m, 0, 0, 1), 4e-3 + 400e-9 + 0.5 * 2 * 3000e-9);
}

TEST(Predict, ContextParallelSplitsTheTokensOfAPrompt) {
  Hardware m = machine(4);
  m.read_gb_s = 1e6;
  m.link_gb_s = 1e6;
  const Pass pass{.tokens = 1000, .chunk = 1000, .logits = Logits::of_the_last};
  const double alone = prefill_seconds(tiny(), m, 0, pass);
  m.context_parallel = 4;
  EXPECT_NEAR(prefill_seconds(tiny(), m, 0, pass), alone / 4, alone / 100);
}

TEST(Predict, MemoryHoldsTheShareOfADevice) {
  const Parallel p{.devices = 4, .tensor = 2, .context = 1, .experts = 4};
  // A half of 2 MB, a quarter of 16 MB, and 3 of 5 sequences of 1,000 tokens.
  EXPECT_DOUBLE_EQ(memory_bytes(tiny(8), p, 1000, 5), 1e6 + 4e6 + 3 * 1000 * 400.0);
}

TEST(Predict, DevicesThatCannotShareSoAreRefused) {
  Hardware m = machine(4);
  m.tensor_parallel = 3;
  EXPECT_THROW(parallel_of(m), Error);
  m.tensor_parallel = 2;
  m.context_parallel = 4;
  EXPECT_THROW(parallel_of(m), Error);
  m.context_parallel = 2;
  EXPECT_NO_THROW(parallel_of(m));
  m.link_gb_s = 0;
  EXPECT_THROW(parallel_of(m), Error);
  Settings settings;
  settings.machine = machine();
  settings.machine.memory_gb = 0.001;
  EXPECT_THROW(predict(tiny(), settings, "tiny"), Error);
}

TEST(Predict, NothingIsFasterOnASlowerMachine) {
  const ModelShape model = *known_model("deepseek-v3.2");
  Hardware m = machine();
  const double before = decode_seconds(model, m, 2048, 30000, 8);
  for (Range Hardware::*speed : {&Hardware::read_gb_s, &Hardware::fp8_gflop_s, &Hardware::bf16_gflop_s,
                                 &Hardware::int8_gop_s, &Hardware::read_share, &Hardware::arithmetic_share}) {
    Hardware slower = m;
    slower.*speed = (m.*speed).value() / 2;
    EXPECT_GE(decode_seconds(model, slower, 2048, 30000, 8), before);
  }
  EXPECT_GE(decode_seconds(model, m, 2048, 60000, 8), before);
  EXPECT_GE(decode_seconds(model, m, 2048, 30000, 16), before);
}

TEST(KnownModel, IsWhatItsPublishedConfigurationSays) {
  const ModelShape known = *known_model("deepseek-v3.2");
  const ModelShape published =
      shape_of(parse_hf_config(v32_config({}), "config.json").config, DType::f8_e4m3);
  EXPECT_EQ(expert_bytes(known), expert_bytes(published));
  EXPECT_EQ(other_bytes(known), other_bytes(published));
  const Pass pass{.first = 5000, .tokens = 3000, .chunk = 512};
  EXPECT_EQ(pass_cost(known, 2048, pass).total().bytes, pass_cost(published, 2048, pass).total().bytes);
  EXPECT_EQ(pass_cost(known, 2048, pass).scores.int8_ops, pass_cost(published, 2048, pass).scores.int8_ops);
  EXPECT_EQ(expert_bytes(known), 58.0 * 256 * 3 * 7168 * 2048);
  EXPECT_FALSE(known_model("deepseek-v9"));
}

// A cold prompt of 128K on one H100 at its data sheet's peaks: the indexer 4.34 s (64 x 128 products of two
// operations for 8.59e9 pairs in 61 layers, FP8), sparse MLA 4.58 s (2,048 entries of 576 + 512 for 128
// heads, BF16), 37 B active weights in FP8 4.90 s.
TEST(KnownModel, ReadsALongPromptInTheOperationsThatAHandComputes) {
  const PassCost cost = pass_cost(*known_model("deepseek-v3.2"), 2048,
                                  {.tokens = 131072, .chunk = 8192, .logits = Logits::of_the_last});
  EXPECT_NEAR(cost.scores.int8_ops / 1979e12, 4.34, 0.01);
  EXPECT_NEAR(cost.attention.bf16_ops / 989e12, 4.55, 0.05);
  EXPECT_NEAR((cost.weights.bf16_ops + cost.experts.bf16_ops) / 1979e12, 4.90, 0.15);
}

TEST(DevicesFor, AreTheFewestThatDo) {
  const ModelShape model = *known_model("deepseek-v3.2");
  Hardware m = machine();
  m.memory_gb = 80;
  m.read_gb_s = 3350;
  m.fp32_gflop_s = m.bf16_gflop_s = 989e3;
  m.fp8_gflop_s = m.int8_gop_s = 1979e3;
  m.chunk_tokens = 8192;
  m.link_gb_s = 400;
  const auto got = devices_for(model, m, model.topk, 131072, 2, 30);
  ASSERT_TRUE(got);
  EXPECT_GE(*got, 8);  // 690 GB of weights
  const auto faster = devices_for(model, m, model.topk, 131072, 20, 300);
  ASSERT_TRUE(faster);
  EXPECT_LE(*faster, *got);
  EXPECT_FALSE(devices_for(model, m, model.topk, 131072, 1e-6, 1e-6));
}

}  // namespace
}  // namespace dsa::cost
