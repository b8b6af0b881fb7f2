// What is trained is what runs: from one indexer folder, the trainer's keys,
// queries and head weights are the model's.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "checkpoint/indexer_folder.h"
#include "testing/golden_case.h"

namespace dsa::train {
namespace {

class Parity : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(, Parity,
                         ::testing::Values("llama_gqa", "qwen2", "qwen3", "llama_rope_llama3",
                                           "llama_rope_linear"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Parity, TheModelScoresAsTheTrainerDoes) {
  constexpr std::int64_t kTokens = kGoldenTokens, kTopk = kGoldenTopk;
  GoldenCase golden(GetParam(), 3, 12);
  ModelFiles& files = golden.files();
  const IndexerTensors& parameters = golden.indexer();
  const IndexerShape& shape = parameters.shape();
  Exec exec(2);
  const IndexerFolder indexer = open_indexer_folder(golden.folder());
  check_indexer_fits(indexer, files, FingerprintCheck::enforce);
  files.config.indexer = indexer.config;
  Transformer model(files, {.compute = Compute::f32, .context = 128, .chunk = 128}, choose_kernels(), exec,
                    indexer.tensors.get());
  const RopeTable rope(files.config.rope, shape.rope_dim, files.config.max_position_embeddings);
  IndexProjections ours(shape, rope, kTokens, kTokens, exec, *choose_kernels().rows);
  std::vector<std::int32_t> all(kTokens);
  std::iota(all.begin(), all.end(), 0);
  std::int64_t layers = 0;
  model.set_hooks({.attention_inputs =
                       [&](std::int64_t layer, const AttentionInputs& in) {
                         ours.forward(parameters.layer(layer), in.h, all);
                         const KvView& kv = model.cache().layer(layer);
                         for (std::int32_t t = 0; t < kTokens; ++t)
                           for (std::int64_t d = 0; d < shape.dim; ++d)
                             ASSERT_NEAR(*reinterpret_cast<const float*>(kv.key(t / 64, t % 64, d)),
                                         ours.keys()(t, d), 2e-5)
                                 << "layer " << layer << " token " << t;
                       },
                   .selection =
                       [&](std::int64_t, TensorView<std::int32_t, 2> idx, std::span<std::int32_t> count) {
                         ++layers;
                         for (std::int64_t t = kTopk; t < kTokens; ++t) {
                           std::vector<double> scores(static_cast<std::size_t>(t + 1));
                           for (std::int64_t s = 0; s <= t; ++s)
                             for (std::int64_t j = 0; j < shape.heads; ++j) {
                               double dot = 0;
                               for (std::int64_t d = 0; d < shape.dim; ++d)
                                 dot += static_cast<double>(ours.queries()(t, j, d)) *
                                        static_cast<double>(ours.keys()(s, d));
                               scores[static_cast<std::size_t>(s)] +=
                                   static_cast<double>(ours.head_weights()(t, j)) * std::max(0.0, dot);
                             }
                           auto order = scores;
                           std::ranges::sort(order, std::greater<>());
                           ASSERT_EQ(count[static_cast<std::size_t>(t)], kTopk);
                           for (std::int64_t i = 0; i < kTopk; ++i)
                             ASSERT_GE(scores[static_cast<std::size_t>(idx(t, i))], order[kTopk - 1] - 1e-5)
                                 << "the model selected a token that the trainer scores lower";
                         }
                       }});
  const std::int32_t pages[] = {0, 1};
  const SequenceSlice slice{.tokens = golden.tokens(),
                            .first_position = 0,
                            .page_table = pages,
                            .logits_rows = {},
                            .run = {.attention = AttentionMode::sparse}};
  SequenceStatus status;
  model.forward({.sequences = {&slice, 1}}, {}, {&status, 1});
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(layers, files.config.num_hidden_layers);
}

TEST(IndexerShape, LatentAttentionIsRefused) {
  const auto files =
      open_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models/deepseek_v3_no_q_lora");
  expect_error([&] { indexer_shape(files, 4, 32); }, {"latent attention"});
}

}  // namespace
}  // namespace dsa::train
