#include "cost/known_model.h"

#include "base/numeric.h"

namespace dsa::cost {

std::optional<ModelShape> known_model(std::string_view name) {
  if (name != "deepseek-v3.2") return std::nullopt;
  ModelConfig c;
  c.architecture = Architecture::deepseek_v32;
  c.vocab_size = 129280;
  c.hidden_size = 7168;
  c.intermediate_size = 18432;
  c.num_hidden_layers = 61;
  c.num_attention_heads = 128;
  c.num_key_value_heads = 128;
  c.max_position_embeddings = 163840;
  c.mla = MlaConfig{.q_lora_rank = 1536,
                    .kv_lora_rank = 512,
                    .qk_nope_head_dim = 128,
                    .qk_rope_head_dim = 64,
                    .v_head_dim = 128};
  c.moe = MoeConfig{.n_routed_experts = 256,
                    .n_shared_experts = 1,
                    .num_experts_per_tok = 8,
                    .moe_intermediate_size = 2048,
                    .n_group = 8,
                    .topk_group = 4,
                    .first_k_dense_replace = 3};
  c.indexer = IndexerConfig{.n_heads = 64,
                            .head_dim = 128,
                            .rope_head_dim = 64,
                            .topk = 2048,
                            .full = std::vector<bool>(usize(c.num_hidden_layers), true)};
  return shape_of(c, DType::f8_e4m3);
}

}  // namespace dsa::cost
