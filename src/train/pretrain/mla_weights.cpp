#include "train/pretrain/mla_weights.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace dsa::train {
namespace {

constexpr std::uint64_t kDraws = std::uint64_t{4} << 32;  // apart from the sampler's streams

using Entries = std::vector<NamedTensors::Entry>;

void add(Entries& out, std::string name, std::vector<std::int64_t> shape) {
  out.push_back({.name = std::move(name), .shape = std::move(shape)});
}

void add_mlp(Entries& out, const std::string& at, std::int64_t hidden, std::int64_t width) {
  add(out, at + "gate_proj.weight", {width, hidden});
  add(out, at + "up_proj.weight", {width, hidden});
  add(out, at + "down_proj.weight", {hidden, width});
}

void add_layer(Entries& out, const ModelConfig& c, std::int64_t layer) {
  const MlaConfig& m = *c.mla;
  const std::string at = fmt::format("model.layers.{}.", layer), attention = at + "self_attn.";
  add(out, at + "input_layernorm.weight", {c.hidden_size});
  add(out, attention + "q_a_proj.weight", {m.q_lora_rank, c.hidden_size});
  add(out, attention + "q_a_layernorm.weight", {m.q_lora_rank});
  add(out, attention + "q_b_proj.weight",
      {c.num_attention_heads * (m.qk_nope_head_dim + m.qk_rope_head_dim), m.q_lora_rank});
  add(out, attention + "kv_a_proj_with_mqa.weight", {m.kv_lora_rank + m.qk_rope_head_dim, c.hidden_size});
  add(out, attention + "kv_a_layernorm.weight", {m.kv_lora_rank});
  add(out, attention + "kv_b_proj.weight",
      {c.num_attention_heads * (m.qk_nope_head_dim + m.v_head_dim), m.kv_lora_rank});
  add(out, attention + "o_proj.weight", {c.hidden_size, c.num_attention_heads * m.v_head_dim});
  add(out, at + "post_attention_layernorm.weight", {c.hidden_size});
  if (layer < c.num_hidden_layers && !c.is_moe_layer(layer)) {
    add_mlp(out, at + "mlp.", c.hidden_size, c.intermediate_size);
    return;
  }
  const MoeConfig& moe = *c.moe;
  add(out, at + "mlp.gate.weight", {moe.n_routed_experts, c.hidden_size});
  add(out, router_bias(layer), {moe.n_routed_experts});
  for (std::int64_t e = 0; e < moe.n_routed_experts; ++e)
    add_mlp(out, fmt::format("{}mlp.experts.{}.", at, e), c.hidden_size, moe.moe_intermediate_size);
  if (moe.n_shared_experts > 0)
    add_mlp(out, at + "mlp.shared_experts.", c.hidden_size, moe.moe_intermediate_size * moe.n_shared_experts);
}

}  // namespace

void check_trainable(const ModelConfig& c, std::string_view who) {
  if (c.architecture != Architecture::deepseek_v32)
    fail("{}: is a {}: this trains deepseek_v32 alone", who, c.model_type);
  if (c.qkv_bias) fail("{}: attention_bias is true: this trains attention without biases", who);
  if (c.tie_word_embeddings)
    fail("{}: tie_word_embeddings is true: this trains a head of its own, as DeepSeek-V3.2 has", who);
  if (!c.mla->rope_interleave || c.indexer->rope_interleave)
    fail("{}: rope_interleave or indexer_rope_interleave is not DeepSeek-V3.2's: leave both keys out", who);
  if (c.num_nextn_predict_layers > 1)
    fail("{}: num_nextn_predict_layers is {}: this trains 0 or 1", who, c.num_nextn_predict_layers);
}

IndexerShape mla_indexer_shape(const ModelConfig& c) {
  const IndexerConfig& i = *c.indexer;
  return {.layers = attention_layers(c),
          .hidden = c.hidden_size,
          .heads = i.n_heads,
          .dim = i.head_dim,
          .rope_dim = i.rope_head_dim,
          .k_norm_eps = i.k_norm_eps,
          .q_lora_rank = c.mla->q_lora_rank};
}

NamedTensors mla_weights(const ModelConfig& c) {
  Entries out;
  add(out, "model.embed_tokens.weight", {c.vocab_size, c.hidden_size});
  for (std::int64_t layer = 0; layer < attention_layers(c); ++layer) {
    if (layer >= c.num_hidden_layers) {
      const std::string at = fmt::format("model.layers.{}.", layer);
      add(out, at + "enorm.weight", {c.hidden_size});
      add(out, at + "hnorm.weight", {c.hidden_size});
      add(out, at + "eh_proj.weight", {c.hidden_size, 2 * c.hidden_size});
      add(out, at + "shared_head.norm.weight", {c.hidden_size});
    }
    add_layer(out, c, layer);
  }
  add(out, "model.norm.weight", {c.hidden_size});
  add(out, "lm_head.weight", {c.vocab_size, c.hidden_size});
  return NamedTensors(std::move(out));
}

void initialize(NamedTensors& weights, const ModelConfig& config, std::uint64_t seed) {
  std::uint64_t stream = kDraws;
  for (const auto& entry : weights.entries()) {
    const auto values = weights.of(entry);
    const CounterRng rng(seed, stream++);
    if (entry.shape.size() == 1) {
      std::ranges::fill(values, entry.name.ends_with("norm.weight") ? 1.0F : 0.0F);
      continue;
    }
    // An embedding's rows are looked up: what counts is what leaves it.
    const auto inputs = static_cast<double>(entry.shape[1]);
    const bool residual = entry.name.ends_with("o_proj.weight") || entry.name.ends_with("down_proj.weight");
    const double deviation = residual ? 2 / static_cast<double>(config.num_hidden_layers) / std::sqrt(inputs)
                                      : std::sqrt(2 / (5 * inputs));
    const double bound = std::sqrt(3.0) * deviation;
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(bound * (2 * rng.unit(i) - 1));
  }
}

std::string router_bias(std::int64_t layer) {
  return fmt::format("model.layers.{}.mlp.gate.e_score_correction_bias", layer);
}

std::vector<TensorCopy> published_twice(const ModelConfig& config) {
  std::vector<TensorCopy> out;
  for (std::int64_t layer = config.num_hidden_layers; layer < attention_layers(config); ++layer) {
    const std::string at = fmt::format("model.layers.{}.", layer);
    out.push_back({.name = at + "embed_tokens.weight", .of = "model.embed_tokens.weight"});
    out.push_back({.name = at + "shared_head.head.weight", .of = "lm_head.weight"});
  }
  return out;
}

}  // namespace dsa::train
