#include "testing/model_plan.h"

#include <fmt/format.h>

#include <cmath>

#include "base/draws.h"
#include "base/error.h"
#include "base/numeric.h"
#include "kernels/types.h"

namespace dsa::test {
namespace {

using Plan = std::vector<PlannedTensor>;

void plan_mlp(Plan& out, const std::string& prefix, const ModelConfig& c, std::int64_t width, bool bias) {
  out.push_back({prefix + "gate_proj.weight", {width, c.hidden_size}});
  out.push_back({prefix + "up_proj.weight", {width, c.hidden_size}});
  out.push_back({prefix + "down_proj.weight", {c.hidden_size, width}});
  if (!bias) return;
  out.push_back({prefix + "gate_proj.bias", {width}});
  out.push_back({prefix + "up_proj.bias", {width}});
  out.push_back({prefix + "down_proj.bias", {c.hidden_size}});
}

void plan_moe(Plan& out, const std::string& prefix, const ModelConfig& c) {
  const MoeConfig& m = *c.moe;
  out.push_back({prefix + "gate.weight", {m.n_routed_experts, c.hidden_size}});
  out.push_back({prefix + "gate.e_score_correction_bias", {m.n_routed_experts}});
  for (std::int64_t e = 0; e < m.n_routed_experts; ++e)
    plan_mlp(out, fmt::format("{}experts.{}.", prefix, e), c, m.moe_intermediate_size, /*bias=*/false);
  if (m.n_shared_experts > 0)
    plan_mlp(out, prefix + "shared_experts.", c, m.n_shared_experts * m.moe_intermediate_size,
             /*bias=*/false);
}

void plan_gqa(Plan& out, const std::string& prefix, const ModelConfig& c) {
  const std::int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
  for (const auto& [name, rows] :
       {std::pair("q_proj", q), std::pair("k_proj", kv), std::pair("v_proj", kv)}) {
    out.push_back({fmt::format("{}{}.weight", prefix, name), {rows, c.hidden_size}});
    if (c.qkv_bias) out.push_back({fmt::format("{}{}.bias", prefix, name), {rows}});
  }
  out.push_back({prefix + "o_proj.weight", {c.hidden_size, q}});
  if (c.o_bias) out.push_back({prefix + "o_proj.bias", {c.hidden_size}});
  if (!c.qk_norm) return;
  out.push_back({prefix + "q_norm.weight", {c.head_dim}});
  out.push_back({prefix + "k_norm.weight", {c.head_dim}});
}

void plan_mla(Plan& out, const std::string& prefix, const ModelConfig& c) {
  const MlaConfig& m = *c.mla;
  const std::int64_t heads = c.num_attention_heads, q = heads * (m.qk_nope_head_dim + m.qk_rope_head_dim);
  if (m.q_lora_rank > 0) {
    out.push_back({prefix + "q_a_proj.weight", {m.q_lora_rank, c.hidden_size}});
    out.push_back({prefix + "q_a_layernorm.weight", {m.q_lora_rank}});
    out.push_back({prefix + "q_b_proj.weight", {q, m.q_lora_rank}});
  } else {
    out.push_back({prefix + "q_proj.weight", {q, c.hidden_size}});
  }
  out.push_back({prefix + "kv_a_proj_with_mqa.weight", {m.kv_lora_rank + m.qk_rope_head_dim, c.hidden_size}});
  out.push_back({prefix + "kv_a_layernorm.weight", {m.kv_lora_rank}});
  out.push_back({prefix + "kv_b_proj.weight", {heads * (m.qk_nope_head_dim + m.v_head_dim), m.kv_lora_rank}});
  out.push_back({prefix + "o_proj.weight", {c.hidden_size, heads * m.v_head_dim}});
}

void plan_indexer(Plan& out, const std::string& prefix, const ModelConfig& c) {
  const IndexerConfig& i = *c.indexer;
  const bool latent = c.mla && c.mla->q_lora_rank > 0;
  out.push_back({prefix + (latent ? "wq_b.weight" : "wq.weight"),
                 {i.n_heads * i.head_dim, latent ? c.mla->q_lora_rank : c.hidden_size}});
  out.push_back({prefix + "wk.weight", {i.head_dim, c.hidden_size}});
  out.push_back({prefix + "weights_proj.weight", {i.n_heads, c.hidden_size}});
  out.push_back({prefix + "k_norm.weight", {i.head_dim}});
  out.push_back({prefix + "k_norm.bias", {i.head_dim}});
}

bool in_fp8(const PlannedTensor& tensor) {
  return tensor.name.starts_with("model.layers.") && !tensor.name.ends_with("gate.weight") &&
         !tensor.name.ends_with("weights_proj.weight");
}

// One value of any plain type.
void store(DType type, std::span<std::byte> bytes, std::size_t i, float value) {
  switch (type) {
    case DType::f32:
      reinterpret_cast<float*>(bytes.data())[i] = value;
      return;
    case DType::bf16:
      reinterpret_cast<bf16*>(bytes.data())[i] = bf16(value);
      return;
    case DType::f16:
      reinterpret_cast<std::uint16_t*>(bytes.data())[i] = float_to_f16(value);
      return;
    case DType::f8_e4m3:
      bytes[i] = static_cast<std::byte>(float_to_e4m3(value));
      return;
    default:
      DSA_CHECK(!"a plain float type");
  }
}

}  // namespace

std::vector<PlannedTensor> plan_model(const ModelConfig& c) {
  Plan out{{"model.embed_tokens.weight", {c.vocab_size, c.hidden_size}},
           {"model.norm.weight", {c.hidden_size}}};
  if (!c.tie_word_embeddings) out.push_back({"lm_head.weight", {c.vocab_size, c.hidden_size}});
  for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i), attention = layer + "self_attn.";
    out.push_back({layer + "input_layernorm.weight", {c.hidden_size}});
    out.push_back({layer + "post_attention_layernorm.weight", {c.hidden_size}});
    c.mla ? plan_mla(out, attention, c) : plan_gqa(out, attention, c);
    if (c.indexer && c.indexer->full[usize(i)]) plan_indexer(out, attention + "indexer.", c);
    c.is_moe_layer(i) ? plan_moe(out, layer + "mlp.", c)
                      : plan_mlp(out, layer + "mlp.", c, c.intermediate_size, c.mlp_bias);
  }
  return out;
}

std::unique_ptr<MemoryTensors> draw_model(const ModelConfig& config, DType matrices, std::uint64_t seed) {
  auto out = std::make_unique<MemoryTensors>("drawn.safetensors");
  Draws draws(seed, 0);
  for (const auto& tensor : plan_model(config)) {
    const bool matrix = tensor.shape.size() == 2;
    DType type = matrix ? matrices : DType::f32;
    if (type == DType::f8_e4m3 && !in_fp8(tensor)) type = DType::bf16;
    const auto bytes = out->add(tensor.name, type, tensor.shape);
    const float middle = tensor.name.ends_with("norm.weight") ? 1 : 0;
    const double width = matrix ? 1 / std::sqrt(static_cast<double>(tensor.shape[1])) : 0.1;
    // Block scales: small weights use the range of E4M3.
    const float scale = type == DType::f8_e4m3 ? 1.0F / 256 : 1.0F;
    for (std::size_t i = 0; i < bytes.size() / traits(type).block_bytes; ++i)
      store(type, bytes, i, (middle + static_cast<float>((2 * draws.unit() - 1) * width)) / scale);
    if (type != DType::f8_e4m3) continue;
    const auto scales =
        out->add<float>(tensor.name + "_scale_inv", DType::f32,
                        {ceil_div(tensor.shape[0], kScaleBlock), ceil_div(tensor.shape[1], kScaleBlock)});
    for (float& s : scales) s = scale;
  }
  return out;
}

}  // namespace dsa::test
