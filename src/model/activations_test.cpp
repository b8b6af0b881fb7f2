// Models of shapes that nobody published: scratch and views must fit whatever a config.json may say.
#include "model/activations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/draws.h"
#include "testing/model_logits.h"
#include "testing/model_plan.h"

namespace dsa {
namespace {

constexpr std::array<std::int64_t, 6> kWidths{8, 24, 128, 200, 520, 1032};
constexpr std::array<std::int64_t, 4> kHeads{1, 2, 4, 6};
constexpr std::array<std::int64_t, 4> kDims{2, 8, 16, 64};

ModelConfig draw_config(Draws& draws) {
  ModelConfig c;
  c.vocab_size = 1 + draws.below(40);
  c.hidden_size = draws.one_of(kWidths);
  c.intermediate_size = draws.one_of(kWidths);
  c.num_hidden_layers = 2;
  c.num_attention_heads = c.num_key_value_heads = draws.one_of(kHeads);
  c.max_position_embeddings = 64;
  c.tie_word_embeddings = draws.below(2) == 0;
  if (draws.below(3) == 0) {
    c.architecture = Architecture::qwen3;
    c.model_type = "qwen3";
    c.head_dim = draws.one_of(kDims);
    if (draws.below(2) == 0) c.num_key_value_heads = 1;
    c.qkv_bias = c.o_bias = c.mlp_bias = draws.below(2) == 0;
    c.qk_norm = draws.below(2) == 0;
    return c;
  }
  c.architecture = Architecture::deepseek_v32;
  c.model_type = "deepseek_v32";
  c.mla = {.q_lora_rank = draws.one_of(kWidths),
           .kv_lora_rank = draws.one_of(kWidths),
           .qk_nope_head_dim = draws.one_of(kDims),
           .qk_rope_head_dim = draws.one_of(kDims),
           .v_head_dim = draws.one_of(kDims)};
  c.moe = {.n_routed_experts = 4,
           .n_shared_experts = draws.below(3),
           .num_experts_per_tok = 1 + draws.below(4),
           .moe_intermediate_size = draws.one_of(kWidths),
           .first_k_dense_replace = draws.below(3)};
  if (draws.below(4) == 0) return c;
  const std::int64_t dim = std::max<std::int64_t>(c.mla->qk_rope_head_dim, draws.one_of(kDims));
  c.indexer = {.n_heads = draws.one_of(kHeads),
               .head_dim = dim,
               .rope_head_dim = c.mla->qk_rope_head_dim,
               .topk = 1 + draws.below(8),
               .full = {true, draws.below(2) == 0}};
  return c;
}

std::string describe(const ModelConfig& c) {
  return fmt::format("{}: hidden {}, MLP {}, experts {} x {} shared", c.model_type, c.hidden_size,
                     c.intermediate_size, c.moe ? c.moe->moe_intermediate_size : 0,
                     c.moe ? c.moe->n_shared_experts : 0);
}

// One token a pass: scratch for one row has no slack.
TEST(Activations, ModelsOfEveryShapeRunInEveryArithmetic) {
  Draws draws(20250929, 0);
  Exec exec(2);
  for (std::uint64_t i = 0; i < 48; ++i) {
    const ModelConfig config = draw_config(draws);
    SCOPED_TRACE(describe(config));
    validate(config, "drawn");
    for (const DType type : {DType::f8_e4m3, DType::bf16}) {
      ModelFiles files{.path = "drawn", .config = config, .tensors = test::draw_model(config, type, i)};
      for (const Compute compute : {Compute::automatic, Compute::f32, Compute::demo}) {
        std::array<std::int32_t, 3> tokens{};
        for (auto& token : tokens) token = static_cast<std::int32_t>(draws.below(config.vocab_size));
        const auto logits = test::logits_of(files, exec, compute, tokens);
        ASSERT_TRUE(std::ranges::all_of(logits, [](float x) { return std::isfinite(x); }));
      }
    }
  }
}

}  // namespace
}  // namespace dsa
