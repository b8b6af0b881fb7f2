#include "model/weights.h"

#include <fmt/ranges.h>

#include <set>

#include "base/log.h"
#include "model/bind.h"

namespace dsa {
namespace {

// The published names, each once: what is loaded, checked and reported as
// missing all follows from these functions.

void bind_mlp(Binder& bind, const std::string& prefix, const ModelConfig& c, std::int64_t width,
              MlpWeights& mlp) {
  bind.linear(prefix + "gate_proj", width, c.hidden_size, c.mlp_bias, mlp.gate_proj);
  bind.linear(prefix + "up_proj", width, c.hidden_size, c.mlp_bias, mlp.up_proj);
  bind.linear(prefix + "down_proj", c.hidden_size, width, c.mlp_bias, mlp.down_proj);
}

void bind_moe(Binder& bind, const std::string& prefix, const ModelConfig& c, MoeWeights& moe) {
  const MoeConfig& m = *c.moe;
  bind.linear(prefix + "gate", m.n_routed_experts, c.hidden_size, /*bias=*/false, moe.gate);
  bind.vector(prefix + "gate.e_score_correction_bias", m.n_routed_experts, moe.e_score_correction_bias);
  moe.experts.resize(static_cast<std::size_t>(m.n_routed_experts));
  for (std::size_t e = 0; e < moe.experts.size(); ++e)
    bind_mlp(bind, fmt::format("{}experts.{}.", prefix, e), c, m.moe_intermediate_size, moe.experts[e]);
  if (m.n_shared_experts > 0)
    bind_mlp(bind, prefix + "shared_experts.", c, m.moe_intermediate_size * m.n_shared_experts,
             moe.shared_experts.emplace());
}

void bind_gqa(Binder& bind, const std::string& prefix, const ModelConfig& c, GqaWeights& gqa) {
  const std::int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
  bind.rotated_linear(prefix + "q_proj", q, c.hidden_size, c.qkv_bias, c.head_dim, gqa.q_proj);
  bind.rotated_linear(prefix + "k_proj", kv, c.hidden_size, c.qkv_bias, c.head_dim, gqa.k_proj);
  bind.linear(prefix + "v_proj", kv, c.hidden_size, c.qkv_bias, gqa.v_proj);
  if (c.qk_norm) {
    bind.vector(prefix + "q_norm.weight", c.head_dim, gqa.q_norm);
    bind.vector(prefix + "k_norm.weight", c.head_dim, gqa.k_norm);
  }
}

void bind_mla(Binder& bind, const std::string& prefix, const ModelConfig& c, MlaWeights& mla) {
  const MlaConfig& m = *c.mla;
  const std::int64_t q = c.num_attention_heads * (m.qk_nope_head_dim + m.qk_rope_head_dim);
  if (m.q_lora_rank > 0) {
    bind.linear(prefix + "q_a_proj", m.q_lora_rank, c.hidden_size, c.qkv_bias, mla.q_a_proj);
    bind.vector(prefix + "q_a_layernorm.weight", m.q_lora_rank, mla.q_a_layernorm);
    bind.linear(prefix + "q_b_proj", q, m.q_lora_rank, /*bias=*/false, mla.q_b_proj);
  } else {
    bind.linear(prefix + "q_proj", q, c.hidden_size, /*bias=*/false, mla.q_proj);
  }
  bind.linear(prefix + "kv_a_proj_with_mqa", m.kv_lora_rank + m.qk_rope_head_dim, c.hidden_size, c.qkv_bias,
              mla.kv_a_proj_with_mqa);
  bind.vector(prefix + "kv_a_layernorm.weight", m.kv_lora_rank, mla.kv_a_layernorm);
  // Read by absorb_query and expand_value in the stored layout.
  bind.unpacked_linear(prefix + "kv_b_proj", c.num_attention_heads * (m.qk_nope_head_dim + m.v_head_dim),
                       m.kv_lora_rank, mla.kv_b_proj);
}

void bind_indexer(Binder& bind, const std::string& prefix, const ModelConfig& c, IndexerWeights& indexer) {
  const IndexerConfig& i = *c.indexer;
  const bool latent = c.mla && c.mla->q_lora_rank > 0;
  bind.linear(prefix + (latent ? "wq_b" : "wq"), i.n_heads * i.head_dim,
              latent ? c.mla->q_lora_rank : c.hidden_size,
              /*bias=*/false, indexer.wq);
  bind.linear(prefix + "wk", i.head_dim, c.hidden_size, /*bias=*/false, indexer.wk);
  bind.linear(prefix + "weights_proj", i.n_heads, c.hidden_size, /*bias=*/false, indexer.weights_proj);
  bind.vector(prefix + "k_norm.weight", i.head_dim, indexer.k_norm);
  bind.vector(prefix + "k_norm.bias", i.head_dim, indexer.k_norm_bias);
}

void bind_layer(Binder& bind, Binder& bind_indexer_from, const ModelConfig& c, std::int64_t index,
                bool is_mtp, LayerWeights& layer) {
  const std::string prefix = fmt::format("model.layers.{}.", index), attention = prefix + "self_attn.";
  bind.vector(prefix + "input_layernorm.weight", c.hidden_size, layer.input_layernorm);
  bind.vector(prefix + "post_attention_layernorm.weight", c.hidden_size, layer.post_attention_layernorm);
  if (c.mla) {
    bind_mla(bind, attention, c, layer.mla.emplace());
    bind.linear(attention + "o_proj", c.hidden_size, c.num_attention_heads * c.mla->v_head_dim, c.o_bias,
                layer.o_proj);
  } else {
    bind_gqa(bind, attention, c, layer.gqa.emplace());
    bind.linear(attention + "o_proj", c.hidden_size, c.num_attention_heads * c.head_dim, c.o_bias,
                layer.o_proj);
  }
  if (c.indexer && (is_mtp || c.indexer->full[static_cast<std::size_t>(index)]))
    bind_indexer(bind_indexer_from, attention + "indexer.", c, layer.indexer.emplace());
  if (is_mtp ? c.moe.has_value() : c.is_moe_layer(index))
    bind_moe(bind, prefix + "mlp.", c, layer.moe.emplace());
  else
    bind_mlp(bind, prefix + "mlp.", c, c.intermediate_size, layer.mlp.emplace());
}

void bind_mtp(Binder& bind, const ModelConfig& c, std::int64_t index, MtpWeights& mtp) {
  const std::string prefix = fmt::format("model.layers.{}.", index);
  bind.linear(prefix + "embed_tokens", c.vocab_size, c.hidden_size, /*bias=*/false, mtp.embed_tokens);
  bind.linear(prefix + "eh_proj", c.hidden_size, 2 * c.hidden_size, /*bias=*/false, mtp.eh_proj);
  bind.linear(prefix + "shared_head.head", c.vocab_size, c.hidden_size, /*bias=*/false, mtp.head);
  bind.vector(prefix + "enorm.weight", c.hidden_size, mtp.enorm);
  bind.vector(prefix + "hnorm.weight", c.hidden_size, mtp.hnorm);
  bind.vector(prefix + "shared_head.norm.weight", c.hidden_size, mtp.norm);
  bind_layer(bind, bind, c, index, /*is_mtp=*/true, mtp.layer);
}

// Names that a checkpoint may hold without anybody reading them.
bool is_expected_leftover(std::string_view name, const ModelConfig& c) {
  if (name.find("rotary_emb.inv_freq") != std::string_view::npos || name == "rope_freqs.weight") return true;
  if (name == "lm_head.weight") return c.tie_word_embeddings;
  for (std::int64_t i = 0; i < c.num_nextn_predict_layers; ++i)
    if (name.starts_with(fmt::format("model.layers.{}.", c.num_hidden_layers + i))) return true;
  return name.find(".self_attn.indexer.") !=
         std::string_view::npos;  // not used with --indexer none, or a shared layer's
}

void warn_about_leftovers(const TensorSource& tensors, const Binder& bind, const ModelConfig& c) {
  std::vector<std::string> names;
  std::size_t count = 0;
  tensors.for_each([&](std::string_view name, const StoredTensor&) {
    if (bind.used(name) || is_expected_leftover(name, c)) return;
    if (++count <= 3) names.emplace_back(printable(name));
  });
  if (count > 0)
    spdlog::warn("{} tensors of the checkpoint are not part of a {} model and are not used: {}{}", count,
                 c.model_type, fmt::join(names, ", "), count > names.size() ? ", ..." : "");
}

ModelWeights bind_model(const ModelConfig& config, const TensorSource& tensors,
                        const TensorSource* indexer_tensors, const KernelTable& kernels, Compute compute,
                        Exec& exec, LoadMtp mtp, Load load) {
  ModelWeights model;
  Binder bind(tensors, kernels, compute, exec, model, load);
  // An indexer folder is small, and read whole for every token.
  Binder bind_indexer_from(indexer_tensors != nullptr ? *indexer_tensors : tensors, kernels, compute, exec,
                           model, load, Stored::copied);
  Binder& indexer = indexer_tensors != nullptr ? bind_indexer_from : bind;

  if (config.tie_word_embeddings) {
    bind.linear("model.embed_tokens", config.vocab_size, config.hidden_size, /*bias=*/false, model.lm_head);
    model.embed_tokens = model.lm_head;
  } else {
    bind.unpacked_linear("model.embed_tokens", config.vocab_size, config.hidden_size, model.embed_tokens);
    bind.linear("lm_head", config.vocab_size, config.hidden_size, /*bias=*/false, model.lm_head);
  }
  bind.vector("model.norm.weight", config.hidden_size, model.norm);
  model.layers.resize(static_cast<std::size_t>(config.num_hidden_layers));
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    bind_layer(bind, indexer, config, static_cast<std::int64_t>(i), /*is_mtp=*/false, model.layers[i]);
  if (mtp == LoadMtp::yes) {
    model.mtp.resize(static_cast<std::size_t>(config.num_nextn_predict_layers));
    for (std::size_t i = 0; i < model.mtp.size(); ++i)
      bind_mtp(bind, config, config.num_hidden_layers + static_cast<std::int64_t>(i), model.mtp[i]);
  }
  warn_about_leftovers(tensors, bind, config);
  return model;
}

}  // namespace

ModelWeights load_weights(const ModelConfig& config, const TensorSource& tensors,
                          const TensorSource* indexer_tensors, const KernelTable& kernels, Compute compute,
                          Exec& exec, LoadMtp mtp) {
  return bind_model(config, tensors, indexer_tensors, kernels, compute, exec, mtp, Load::values);
}

void check_weights(const ModelConfig& config, const TensorSource& tensors,
                   const TensorSource* indexer_tensors) {
  Exec exec(1);
  bind_model(config, tensors, indexer_tensors, kRefKernels, Compute::automatic, exec, LoadMtp::no,
             Load::headers);
}

}  // namespace dsa
