// What DeepSeek's demo rounds, and what it therefore cannot do.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "testing/model_logits.h"
#include "testing/model_plan.h"

namespace dsa {
namespace {

ModelConfig v32_with_index_dim(std::int64_t dim) {
  ModelConfig c;
  c.architecture = Architecture::deepseek_v32;
  c.model_type = "deepseek_v32";
  c.vocab_size = 19;
  c.hidden_size = 64;
  c.intermediate_size = 96;
  c.num_hidden_layers = 1;
  c.num_attention_heads = c.num_key_value_heads = 2;
  c.max_position_embeddings = 64;
  c.mla = {
      .q_lora_rank = 32, .kv_lora_rank = 32, .qk_nope_head_dim = 16, .qk_rope_head_dim = 8, .v_head_dim = 16};
  c.indexer = {.n_heads = 2, .head_dim = dim, .rope_head_dim = 8, .topk = 2, .full = {true}};
  return c;
}

ModelFiles drawn(std::int64_t dim, DType type) {
  const ModelConfig config = v32_with_index_dim(dim);
  return {.path = "drawn", .config = config, .tensors = test::draw_model(config, type, 3)};
}

// A Hadamard matrix of other sizes is not what the demo rotates with; in BF16 it rotates nothing.
TEST(Demo, OnlyModelsInFp8NeedAnIndexHeadThatCanBeRotated) {
  Exec exec(1);
  constexpr std::array<std::int32_t, 4> kTokens{1, 2, 3, 4};
  for (const DType type : {DType::bf16, DType::f8_e4m3})
    EXPECT_TRUE(std::isfinite(test::logits_of(drawn(32, type), exec, Compute::demo, kTokens).back()));
  EXPECT_TRUE(std::isfinite(test::logits_of(drawn(24, DType::bf16), exec, Compute::demo, kTokens).back()));
  try {
    (void)test::logits_of(drawn(24, DType::f8_e4m3), exec, Compute::demo, kTokens);
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("24 is not a power of two"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace dsa
