// The figures are worked out by hand from the configurations, as the comments show.
#include "bench/cost.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "bench/random_indexer.h"
#include "checkpoint/open_model.h"
#include "model/transformer.h"

namespace dsa {
namespace {

void expect_cost(const Cost& got, const Cost& expected) {
  EXPECT_EQ(got.bytes, expected.bytes);
  EXPECT_EQ(got.fp32_ops, expected.fp32_ops);
  EXPECT_EQ(got.bf16_ops, expected.bf16_ops);
  EXPECT_EQ(got.int8_ops, expected.int8_ops);
}

class CostOf : public ::testing::Test {
 protected:
  // The reference family packs nothing: bytes are those of the file.
  void load(const char* name, Compute compute = Compute::automatic) {
    files_ = open_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models" / name);
    build(compute);
  }
  void load_with_indexer(const char* name, RandomIndexerShape shape, std::int64_t topk) {
    files_ = open_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models" / name);
    files_.config.indexer = random_indexer_config(files_.config, shape, topk);
    indexer_ = random_indexer_tensors(files_.config);
    build(Compute::automatic);
  }
  [[nodiscard]] Cost cost(std::int64_t topk, const Pass& pass) const {
    return pass_cost(shape(), topk, pass).total();
  }
  [[nodiscard]] ModelShape shape() const { return shape_of(*model_); }
  [[nodiscard]] const ModelConfig& config() const { return files_.config; }

 private:
  void build(Compute compute) {
    model_ = std::make_unique<Transformer>(files_, LoadOptions{.compute = compute}, kRefKernels, exec_,
                                           indexer_.get());
  }
  Exec exec_{1};
  ModelFiles files_;
  std::unique_ptr<TensorSource> indexer_;
  std::unique_ptr<Transformer> model_;
};

// llama_gqa: F32; 3 layers, hidden 60, 6 heads and 2 groups of 10, MLP 88, vocabulary 257.
//   layer: q, o 60 x 60; k, v 20 x 60; gate, up, down 88 x 60                          25,440 weights
//   head: 257 x 60                                                                     15,420 weights
//   entry: 2 groups of 10 + 10, BF16                                                   80 bytes
//   attention: a multiply and an add for 10 + 10 elements of 6 heads                   240 a token
constexpr double kLayer = 25440, kHead = 15420;

TEST_F(CostOf, LlamaDecodes) {
  load("llama_gqa");
  // 101 tokens are visible.
  expect_cost(cost(0, {.first = 100}), {.bytes = 4 * (3 * kLayer + kHead) + 3 * 101 * 80,
                                        .fp32_ops = 2 * (3 * kLayer + kHead),
                                        .bf16_ops = 3 * 101 * 240});
}

TEST_F(CostOf, LlamaInFloat32) {
  load("llama_gqa", Compute::f32);
  expect_cost(cost(0, {.first = 100}), {.bytes = 4 * (3 * kLayer + kHead) + 3 * 101 * 160,
                                        .fp32_ops = 2 * (3 * kLayer + kHead) + 3 * 101 * 240});
}

TEST_F(CostOf, LlamaReadsInChunks) {
  load("llama_gqa");
  // Rows see 5, 6, 7, 8 and then 9, 10 tokens, 45 in all; chunks read 8 and 10 entries.
  const Pass pass{.first = 4, .tokens = 6, .chunk = 4, .logits = Logits::of_the_last};
  expect_cost(cost(0, pass), {.bytes = 4 * (2 * 3 * kLayer + kHead) + 3 * (8 + 10) * 80,
                              .fp32_ops = 2 * (6 * 3 * kLayer + kHead),
                              .bf16_ops = 3 * 45 * 240});
}

// Indexer of 2 x 8, BF16: wq 16 x 60, wk 8 x 60, weights 2 x 60: 1,560 weights;
// keys of 16 bytes; 32 operations a score.
TEST_F(CostOf, LlamaSelects) {
  load_with_indexer("llama_gqa", {.heads = 2, .dim = 8}, 4);
  expect_cost(cost(4, {.first = 100}),
              {.bytes = 4 * (3 * kLayer + kHead) + 3 * (2 * 1560 + 4 * 80 + 101 * 16),
               .fp32_ops = 2 * (3 * kLayer + kHead),
               .bf16_ops = 3 * (2 * 1560 + 4 * 240),
               .int8_ops = 3 * 101 * 32});
}

TEST_F(CostOf, NothingIsScoredWhileEverythingIsSelected) {
  load_with_indexer("llama_gqa", {.heads = 2, .dim = 8}, 4);
  expect_cost(cost(4, {.first = 3}), {.bytes = 4 * (3 * kLayer + kHead) + 3 * (2 * 1560 + 4 * 80),
                                      .fp32_ops = 2 * (3 * kLayer + kHead),
                                      .bf16_ops = 3 * (2 * 1560 + 4 * 240)});
}

// deepseek_v32: F32; 3 layers, the first with an MLP of 60, the others with 12 experts of 10 (3 chosen) and a
// shared one; hidden 44, 5 heads (nope 12, rope 10, value 14), latents of 28 and 22, vocabulary 261.
//   attention: q_a 28 x 44, q_b 110 x 28, kv_a 32 x 44, kv_b 130 x 22, o 44 x 70       11,660 weights
//   indexer 5 x 18: wq_b 90 x 28, wk 18 x 44, weights 5 x 44                           3,532 weights
//   MLP: 3 * 60 x 44 = 7,920; an expert 3 * 10 x 44 = 1,320; router 12 x 44 = 528
//   entry 22 + 10 in BF16: 64 bytes; key 36 bytes; 5 heads score 32 and sum 22: 540 a token; a score is 180
constexpr double kMixing = 11660 + 3532, kExpert = 1320, kV32Head = 261 * 44;

TEST_F(CostOf, V32Decodes) {
  load("deepseek_v32");
  const double weights = 3 * kMixing + 7920 + 2 * (528 + (3 + 1) * kExpert) + kV32Head;
  expect_cost(cost(24, {.first = 100}), {.bytes = 4 * weights + 3 * (24 * 64 + 101 * 36),
                                         .fp32_ops = 2 * weights,
                                         .bf16_ops = 3 * 24 * 540,
                                         .int8_ops = 3 * 101 * 180});
}

TEST_F(CostOf, V32ChunkReadsNoMoreExpertsThanThereAre) {
  load("deepseek_v32");
  // 8 rows choose 24 experts, of which 12 are different at most.
  // All rows see less than 24 tokens: 1 + ... + 8 = 36.
  const double read = 3 * kMixing + 7920 + 2 * (528 + (12 + 1) * kExpert) + kV32Head;
  const double used = 8 * (3 * kMixing + 7920 + 2 * (528 + (3 + 1) * kExpert)) + kV32Head;
  const Pass pass{.tokens = 8, .chunk = 8, .logits = Logits::of_the_last};
  expect_cost(cost(24, pass),
              {.bytes = 4 * read + 3 * 8 * 64, .fp32_ops = 2 * used, .bf16_ops = 3 * 36 * 540});
}

// A configuration alone says the same as the model that was loaded.
TEST_F(CostOf, TheConfigurationIsThatOfTheModel) {
  const std::pair<const char*, DType> models[] = {{"llama_gqa", DType::f32},
                                                  {"qwen3", DType::f32},
                                                  {"deepseek_v3_no_q_lora", DType::f32},
                                                  {"deepseek_v32", DType::f32},
                                                  {"glm_moe_dsa_shared", DType::bf16}};
  for (const auto& [name, stored] : models) {
    load(name);
    const ModelShape loaded = shape(), configured = shape_of(config(), stored);
    EXPECT_EQ(other_bytes(configured), other_bytes(loaded)) << name;
    EXPECT_EQ(expert_bytes(configured), expert_bytes(loaded)) << name;
    EXPECT_EQ(token_bytes(configured), token_bytes(loaded)) << name;
    for (const std::int64_t topk : {std::int64_t{0}, configured.topk})
      for (const Pass& pass :
           {Pass{.first = 100}, Pass{.first = 3, .tokens = 50, .chunk = 16, .sequences = 5}})
        expect_cost(pass_cost(configured, topk, pass).total(), pass_cost(loaded, topk, pass).total());
  }
}

// Two at once read every weight once, and each its own cache.
TEST_F(CostOf, SequencesSideBySideShareTheWeights) {
  load("llama_gqa");
  expect_cost(pass_cost(shape(), 0, {.first = 100, .sequences = 2}).total(),
              {.bytes = 4 * (3 * kLayer + kHead) + 2 * 3 * 101 * 80,
               .fp32_ops = 2 * 2 * (3 * kLayer + kHead),
               .bf16_ops = 2 * 3 * 101 * 240});
}

// What they share is read once; of what each selects, as much as all may select together.
TEST_F(CostOf, WhatSequencesShareIsReadOnce) {
  load("llama_gqa");
  const Pass pass{.first = 100, .sequences = 2, .shared = 64};
  EXPECT_EQ(pass_cost(shape(), 0, pass).attention.bytes, 3 * (64 + 2 * 37) * 80);
  load("deepseek_v32");
  EXPECT_EQ(pass_cost(shape(), 24, pass).attention.bytes, 3 * 24 * 64);
  EXPECT_EQ(pass_cost(shape(), 24, pass).scores.bytes, 3 * (64 + 2 * 37) * 36);
  EXPECT_EQ(pass_cost(shape(), 200, pass).attention.bytes, 3 * (64 + 2 * 37) * 64);
  EXPECT_EQ(pass_cost(shape(), 24, {.first = 100, .sequences = 1, .shared = 64}).scores.bytes, 3 * 101 * 36);
}

TEST_F(CostOf, WhatIsDoneIsToldApart) {
  load("deepseek_v32");
  const PassCost got = pass_cost(shape(), 24, {.first = 100});
  EXPECT_EQ(got.weights.bytes, 4 * (3 * kMixing + 7920 + 2 * (528 + kExpert)));
  EXPECT_EQ(got.experts.bytes, 4 * 2 * 3 * kExpert);
  EXPECT_EQ(got.head.bytes, 4 * kV32Head);
  expect_cost(got.attention, {.bytes = 3 * 24 * 64, .bf16_ops = 3 * 24 * 540});
  expect_cost(got.scores, {.bytes = 3 * 101 * 36, .int8_ops = 3 * 101 * 180});
}

Machine machine_of(double read, double fp32, double bf16, double int8) {
  Machine m;
  m.read_gb_s = read;
  m.fp32_gflop_s = fp32;
  m.bf16_gflop_s = bf16;
  m.int8_gop_s = int8;
  return m;
}

TEST(LeastTime, IsBoundByWhatTakesLongest) {
  const Machine machine = machine_of(10, 100, 200, 400);
  const auto expect = [&](const Cost& cost, double seconds, Resource bound) {
    const LeastTime got = least_time(cost, machine);
    EXPECT_DOUBLE_EQ(got.seconds, seconds);
    EXPECT_EQ(got.bound, bound);
  };
  expect({.bytes = 20e9, .fp32_ops = 100e9}, 2, Resource::read);
  // Arithmetic adds up: half a second in each format is longer than a second of reading.
  expect({.bytes = 10e9, .fp32_ops = 50e9, .bf16_ops = 120e9, .int8_ops = 200e9}, 1.6, Resource::bf16);
  expect({.int8_ops = 800e9}, 2, Resource::int8);
  expect({}, 0, Resource::read);
}

}  // namespace
}  // namespace dsa
