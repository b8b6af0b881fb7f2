#include "engine/prefix_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <set>

namespace dsa {
namespace {

CacheIdentity identity() {
  ModelConfig config;
  config.rope.theta = 10000;
  config.indexer = IndexerConfig{.n_heads = 4, .head_dim = 32, .rope_head_dim = 32, .full = {true, true}};
  config.mla = MlaConfig{.kv_lora_rank = 64};
  config.moe = MoeConfig{.n_routed_experts = 8};
  return {.weights = "w", .indexer = "i", .config = config, .kernels = "avx2", .page_bytes = 4096};
}

std::vector<std::int32_t> page_of_tokens(std::int32_t first = 0) {
  std::vector<std::int32_t> tokens(kPageTokens);
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

constexpr SelectionRule kDense{.attention = AttentionMode::dense, .topk = 100};
constexpr SelectionRule kSparse{.attention = AttentionMode::sparse, .topk = 100};

TEST(PrefixKey, IsTheHashThatItsContractWritesDown) {
  // Python: sha256(bytes(32) + struct.pack("<Qiq", 1, 7, 0)).hexdigest()
  const std::int32_t token = 7;
  EXPECT_EQ(hex(page_key({}, {&token, 1}, kDense, 0)),
            "7885f8c82650459516bc85e5d1ee5bbc9303238b5c450b06a8d1d67df4e73fb4");
}

TEST(PrefixKey, EverythingThatChangesAPageChangesTheRoot) {
  const std::function<void(CacheIdentity&)> changes[] = {
      [](CacheIdentity&) {},
      [](CacheIdentity& c) { c.weights = "W"; },
      [](CacheIdentity& c) { c.indexer = ""; },
      [](CacheIdentity& c) { c.compute = Compute::f32; },
      [](CacheIdentity& c) { c.compute = Compute::demo; },
      [](CacheIdentity& c) { c.kernels = "avx512"; },
      [](CacheIdentity& c) { c.page_bytes = 8192; },
      [](CacheIdentity& c) { c.tenant = "t"; },
      [](CacheIdentity& c) { c.config.rms_norm_eps = 1e-5; },
      [](CacheIdentity& c) { c.config.rope.theta = 10001; },
      [](CacheIdentity& c) { c.config.rope.type = RopeConfig::Type::yarn; },
      [](CacheIdentity& c) { c.config.rope.attention_factor = 0; },
      [](CacheIdentity& c) {
        c.config.rope.freq_factors = {1, 2};
      },
      [](CacheIdentity& c) { c.config.mla->rope_interleave = false; },
      [](CacheIdentity& c) { c.config.mla.reset(); },
      [](CacheIdentity& c) { c.config.moe->routed_scaling_factor = 2.5; },
      [](CacheIdentity& c) { c.config.indexer->rope_interleave = true; },
      [](CacheIdentity& c) { c.config.indexer->int8_keys = true; },
      [](CacheIdentity& c) {
        c.config.indexer->full = {true, false};
      },
  };
  std::set<PageKey> keys;
  for (const auto& change : changes) {
    CacheIdentity changed = identity();
    change(changed);
    keys.insert(root_key(changed));
  }
  EXPECT_EQ(keys.size(), std::size(changes));
  EXPECT_EQ(root_key(identity()), root_key(identity()));
}

TEST(PrefixKey, FieldsDoNotRunIntoOneAnother) {
  CacheIdentity a = identity(), b = identity();
  a.weights = "ab", a.indexer = "c";
  b.weights = "a", b.indexer = "bc";
  EXPECT_NE(root_key(a), root_key(b));
  const auto tokens = page_of_tokens();
  const std::span<const std::int32_t> all = tokens;
  EXPECT_NE(page_key(page_key({}, all.first(3), kDense, 0), all.subspan(3), kDense, 3),
            page_key(page_key({}, all.first(4), kDense, 0), all.subspan(4), kDense, 4));
}

TEST(PrefixKey, WhatAnswersAreMadeOfIsNoneOfThePagesBusiness) {
  CacheIdentity other = identity();
  other.config.eos_token_ids = {2};
  other.config.tie_word_embeddings = true;
  other.config.indexer->topk = 64;  // the rule's
  EXPECT_EQ(root_key(other), root_key(identity()));
}

TEST(PrefixKey, EveryTokenAndTheWholePastAreInIt) {
  const auto tokens = page_of_tokens();
  std::set<PageKey> keys{page_key({}, tokens, kDense, 0)};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    auto changed = tokens;
    changed[i] = -1;
    keys.insert(page_key({}, changed, kDense, 0));
  }
  auto swapped = tokens;
  std::swap(swapped[0], swapped[1]);
  keys.insert(page_key({}, swapped, kDense, 0));
  keys.insert(page_key(root_key(identity()), tokens, kDense, 0));
  EXPECT_EQ(keys.size(), tokens.size() + 3);
}

TEST(PrefixKey, RulesThatAreAlikeForThesePagesGiveTheSameKeys) {
  const auto tokens = page_of_tokens();
  const auto key = [&](const SelectionRule& rule, std::int64_t first) {
    return page_key({}, tokens, rule, first);
  };
  constexpr SelectionRule kAuto{.topk = 100}, kWide{.attention = AttentionMode::sparse, .topk = 200};
  constexpr SelectionRule kTrained{.topk = 100, .trained_context = 128}, kNone{};
  // Positions 0 to 63 see at most 64 tokens: all of them by every rule.
  for (const auto& rule : {kSparse, kAuto, kWide, kTrained, kNone}) EXPECT_EQ(key(rule, 0), key(kDense, 0));
  // 64 to 127: from position 100 on a selection of 100.
  EXPECT_EQ(key(kAuto, 64), key(kSparse, 64));
  EXPECT_EQ(key(kTrained, 64), key(kSparse, 64));
  EXPECT_EQ(key(kWide, 64), key(kDense, 64));
  EXPECT_EQ(key(kNone, 64), key(kDense, 64));
  EXPECT_NE(key(kSparse, 64), key(kDense, 64));
  // Past the trained context everything again, and 200 are not 100.
  EXPECT_EQ(key(kTrained, 256), key(kDense, 256));
  EXPECT_NE(key(kWide, 256), key(kSparse, 256));
  // The very last row of a page counts.
  constexpr SelectionRule kLast{.attention = AttentionMode::sparse, .topk = kPageTokens - 1};
  EXPECT_NE(key(kLast, 0), key(kDense, 0));
}

TEST(PrefixKey, HowTokensAreDividedAmongTheLayersCountsWhereARowSelects) {
  const auto tokens = page_of_tokens();
  const LayerTopk a({100, 200, 300}), b({100, 300, 200});
  const SelectionRule of_a{.topk = 200, .layers = &a}, of_b{.topk = 200, .layers = &b}, alike{.topk = 200};
  const auto key = [&](const SelectionRule& rule, std::int64_t first) {
    return page_key({}, tokens, rule, first);
  };
  EXPECT_EQ(key(of_a, 0), key(kDense, 0)) << "up to the least of them nothing is selected";
  EXPECT_NE(key(of_a, 64), key(kDense, 64)) << "from position 100 on one layer selects";
  EXPECT_EQ(key(of_a, 256), page_key({}, tokens, {.topk = 200, .layers = &a}, 256));
  EXPECT_NE(key(of_a, 256), key(of_b, 256));
  EXPECT_NE(key(of_a, 256), key(alike, 256));
}

TEST(PrefixKey, HexIsEveryByteInOrder) {
  PageKey key{};
  key[0] = std::byte{0x01}, key[1] = std::byte{0xAB}, key[31] = std::byte{0xF0};
  EXPECT_EQ(hex(key), "01ab" + std::string(58, '0') + "f0");
}

}  // namespace
}  // namespace dsa
