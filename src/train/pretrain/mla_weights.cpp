#include "train/pretrain/mla_weights.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "checkpoint/tensor_names.h"

namespace dsa::train {
namespace {

constexpr std::uint64_t kDraws = std::uint64_t{4} << 32;  // apart from the sampler's streams

namespace names = tensor_names;

using Entries = std::vector<FlatTensors::Entry>;

void add(Entries& out, const std::string& part, std::vector<std::int64_t> shape) {
  out.push_back({.name = names::weight(part), .shape = std::move(shape)});
}

void add_mlp(Entries& out, const names::Mlp& name, std::int64_t hidden, std::int64_t width) {
  add(out, name.gate_proj, {width, hidden});
  add(out, name.up_proj, {width, hidden});
  add(out, name.down_proj, {hidden, width});
}

void add_layer(Entries& out, const ModelConfig& c, std::int64_t layer) {
  const MlaConfig& m = *c.mla;
  const names::Layer name = names::layer(layer);
  add(out, name.input_layernorm, {c.hidden_size});
  add(out, name.q_a_proj, {m.q_lora_rank, c.hidden_size});
  add(out, name.q_a_layernorm, {m.q_lora_rank});
  add(out, name.q_b_proj, {c.num_attention_heads * (m.qk_nope_head_dim + m.qk_rope_head_dim), m.q_lora_rank});
  add(out, name.kv_a_proj_with_mqa, {m.kv_lora_rank + m.qk_rope_head_dim, c.hidden_size});
  add(out, name.kv_a_layernorm, {m.kv_lora_rank});
  add(out, name.kv_b_proj, {c.num_attention_heads * (m.qk_nope_head_dim + m.v_head_dim), m.kv_lora_rank});
  add(out, name.o_proj, {c.hidden_size, c.num_attention_heads * m.v_head_dim});
  add(out, name.post_attention_layernorm, {c.hidden_size});
  if (layer < c.num_hidden_layers && !c.is_moe_layer(layer)) {
    add_mlp(out, name.mlp, c.hidden_size, c.intermediate_size);
    return;
  }
  const MoeConfig& moe = *c.moe;
  add(out, name.moe.gate, {moe.n_routed_experts, c.hidden_size});
  out.push_back({.name = name.moe.e_score_correction_bias, .shape = {moe.n_routed_experts}});
  for (std::int64_t e = 0; e < moe.n_routed_experts; ++e)
    add_mlp(out, name.moe.expert(e), c.hidden_size, moe.moe_intermediate_size);
  if (moe.n_shared_experts > 0)
    add_mlp(out, name.moe.shared_experts, c.hidden_size, moe.moe_intermediate_size * moe.n_shared_experts);
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

FlatTensors mla_weights(const ModelConfig& c) {
  Entries out;
  add(out, names::kEmbedTokens, {c.vocab_size, c.hidden_size});
  for (std::int64_t layer = 0; layer < attention_layers(c); ++layer) {
    if (layer >= c.num_hidden_layers) {
      const names::Layer name = names::layer(layer);
      add(out, name.enorm, {c.hidden_size});
      add(out, name.hnorm, {c.hidden_size});
      add(out, name.eh_proj, {c.hidden_size, 2 * c.hidden_size});
      add(out, name.shared_head_norm, {c.hidden_size});
    }
    add_layer(out, c, layer);
  }
  add(out, names::kNorm, {c.hidden_size});
  add(out, names::kLmHead, {c.vocab_size, c.hidden_size});
  return FlatTensors(std::move(out));
}

void initialize(FlatTensors& weights, const ModelConfig& config, std::uint64_t seed) {
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

std::string router_bias(std::int64_t layer) { return names::layer(layer).moe.e_score_correction_bias; }

std::vector<TensorCopy> published_twice(const ModelConfig& config) {
  std::vector<TensorCopy> out;
  for (std::int64_t layer = config.num_hidden_layers; layer < attention_layers(config); ++layer) {
    const names::Layer name = names::layer(layer);
    out.push_back({.name = names::weight(name.embed_tokens), .of = names::weight(names::kEmbedTokens)});
    out.push_back({.name = names::weight(name.shared_head), .of = names::weight(names::kLmHead)});
  }
  return out;
}

}  // namespace dsa::train
