#include "model/load_sizes.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/attention.h"

namespace dsa {
namespace {

// DeepSeek-V3.2's published sizes.
ModelConfig v32() {
  ModelConfig c;
  c.vocab_size = 129280;
  c.hidden_size = 7168;
  c.intermediate_size = 18432;
  c.num_hidden_layers = 61;
  c.num_attention_heads = c.num_key_value_heads = 128;
  c.max_position_embeddings = 163840;
  c.mla = MlaConfig{.q_lora_rank = 1536,
                    .kv_lora_rank = 512,
                    .qk_nope_head_dim = 128,
                    .qk_rope_head_dim = 64,
                    .v_head_dim = 128};
  c.moe.emplace();
  c.moe->n_routed_experts = 256;
  c.moe->num_experts_per_tok = 8;
  c.moe->n_shared_experts = 1;
  c.moe->moe_intermediate_size = 2048;
  c.indexer.emplace();
  c.indexer->n_heads = 64;
  c.indexer->head_dim = 128;
  c.indexer->rope_head_dim = 64;
  c.indexer->topk = 2048;
  c.indexer->full.assign(61, true);
  return c;
}

TEST(LoadSizes, LongContextsAndManyThreadsLeaveAPassItsRows) {
  const ModelConfig config = v32();
  const auto rows = [&](std::int64_t context, int threads) {
    return load_sizes(config, {.context = context}, threads).rows;
  };
  const std::int64_t at_4k = rows(4096, 2);
  EXPECT_GE(at_4k, 256);
  for (const std::int64_t context : {32768, 131072, 163840})
    for (const int threads : {2, 32, 64}) EXPECT_EQ(rows(context, threads), at_4k) << context;
  EXPECT_EQ(load_sizes(config, {.context = 100}, 2).rows, 128) << "no more rows than the cache has places";
  EXPECT_EQ(load_sizes(config, {.chunk = 48}, 2).rows, 48);
}

TEST(LoadSizes, PartialResultsOfAttentionStaySmall) {
  EXPECT_LE(attention_scratch_bytes(2, 512, 128, 512, 64, 163840), std::size_t{80} << 20);
  // One row is split at any context.
  const std::int64_t one = 128 * attention_segments(1 << 20) * (512 + 48);
  EXPECT_GE(attention_scratch_bytes(1, 1, 128, 512, 64, 1 << 20), static_cast<std::size_t>(one) * 4);
}

TEST(LoadSizes, ASelectionIsNoLargerThanTheContextWhichIsWhatWasAskedFor) {
  const ModelConfig config = v32();
  EXPECT_EQ(load_sizes(config, {.context = 4096}, 1).topk, 2048);
  EXPECT_EQ(load_sizes(config, {.topk = 1 << 24, .context = 4096}, 1).topk, 4096);
  EXPECT_EQ(load_sizes(config, {.topk = 1 << 24, .context = 4096}, 1).widest, 4096);
  ModelConfig by_layer = config;
  by_layer.indexer->topk = 2048;
  std::vector<std::int64_t> list(61, 1024);
  list[0] = 61 * 2048 - 60 * 1024;
  by_layer.indexer->layer_topk = LayerTopk(list);
  const LoadSizes cut = load_sizes(by_layer, {.context = 4096}, 1);
  EXPECT_EQ(cut.widest, 4096);
  EXPECT_EQ(cut.topk, 2048) << "a mean that was cut to the context would take from every layer";
  const LoadSizes one = load_sizes(config, {.context = 1}, 1);
  EXPECT_EQ(one.context, 1);
  EXPECT_EQ(one.pages(), 1);
  ModelConfig dense = config;
  dense.indexer.reset();
  EXPECT_EQ(load_sizes(dense, {}, 1).topk, 0);
  EXPECT_EQ(load_sizes(dense, {}, 1).context, 163840);
  EXPECT_THROW(load_sizes(config, {.context = -1}, 1), Error);
}

TEST(LoadMemory, AContextThatNobodyNamedIsOneThatFits) {
  const auto fitting = [](std::int64_t most) {
    return fitting_context(163840, [most](std::int64_t context) { return context <= most; });
  };
  EXPECT_EQ(fitting(163840), 163840);
  EXPECT_EQ(fitting(163839), 81920);
  EXPECT_EQ(fitting(1300), 1280);
  EXPECT_EQ(fitting(1000), 163840) << "too little to be of use: refused as it is";
}

TEST(LoadMemory, WhatCannotBeHadIsSaidWithWhatToLower) {
  const LoadMemory memory{.weights = std::size_t{100} << 20, .cache = 50 << 20, .activations = 10 << 20};
  check_memory(memory, std::nullopt);
  check_memory(memory, std::int64_t{160} << 20);
  for (const std::int64_t left : {(std::int64_t{160} << 20) - 1, std::int64_t{0}, std::int64_t{-5}}) {
    try {
      check_memory(memory, left);
      FAIL() << left;
    } catch (const Error& error) {
      const std::string text = error.what();
      for (const char* part : {"100 MiB of weights", "50 MiB of cache", "10 MiB of scratch", "`context`"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace dsa
