#include "model/weights.h"

#include <fmt/ranges.h>

#include <set>

#include "base/log.h"
#include "base/numeric.h"
#include "checkpoint/tensor_names.h"
#include "model/bind.h"

namespace dsa {
namespace {

// Which tensors a model has, each once: what is loaded, checked and reported as missing all follows from
// these functions.

namespace names = tensor_names;

void bind_mlp(Binder& bind, const names::Mlp& name, const ModelConfig& c, std::int64_t width,
              MlpWeights& mlp) {
  bind.linear(name.gate_proj, width, c.hidden_size, c.mlp_bias, mlp.gate_proj);
  bind.linear(name.up_proj, width, c.hidden_size, c.mlp_bias, mlp.up_proj);
  bind.linear(name.down_proj, c.hidden_size, width, c.mlp_bias, mlp.down_proj);
}

void bind_moe(Binder& bind, const names::Moe& name, const ModelConfig& c, MoeWeights& moe) {
  const MoeConfig& m = *c.moe;
  bind.linear(name.gate, m.n_routed_experts, c.hidden_size, /*bias=*/false, moe.gate);
  bind.vector(name.e_score_correction_bias, m.n_routed_experts, moe.e_score_correction_bias);
  moe.experts.resize(usize(m.n_routed_experts));
  for (std::size_t e = 0; e < moe.experts.size(); ++e)
    bind_mlp(bind, name.expert(static_cast<std::int64_t>(e)), c, m.moe_intermediate_size, moe.experts[e]);
  if (m.n_shared_experts > 0)
    bind_mlp(bind, name.shared_experts, c, m.moe_intermediate_size * m.n_shared_experts,
             moe.shared_experts.emplace());
}

void bind_gqa(Binder& bind, const names::Layer& name, const ModelConfig& c, GqaWeights& gqa) {
  const std::int64_t q = c.num_attention_heads * c.head_dim, kv = c.num_key_value_heads * c.head_dim;
  bind.rotated_linear(name.q_proj, q, c.hidden_size, c.qkv_bias, c.head_dim, gqa.q_proj);
  bind.rotated_linear(name.k_proj, kv, c.hidden_size, c.qkv_bias, c.head_dim, gqa.k_proj);
  bind.linear(name.v_proj, kv, c.hidden_size, c.qkv_bias, gqa.v_proj);
  if (c.qk_norm) {
    bind.vector(names::weight(name.q_norm), c.head_dim, gqa.q_norm);
    bind.vector(names::weight(name.k_norm), c.head_dim, gqa.k_norm);
  }
}

void bind_mla(Binder& bind, const names::Layer& name, const ModelConfig& c, MlaWeights& mla) {
  const MlaConfig& m = *c.mla;
  const std::int64_t q = c.num_attention_heads * (m.qk_nope_head_dim + m.qk_rope_head_dim);
  if (m.q_lora_rank > 0) {
    bind.linear(name.q_a_proj, m.q_lora_rank, c.hidden_size, c.qkv_bias, mla.q_a_proj);
    bind.vector(names::weight(name.q_a_layernorm), m.q_lora_rank, mla.q_a_layernorm);
    bind.linear(name.q_b_proj, q, m.q_lora_rank, /*bias=*/false, mla.q_b_proj);
  } else {
    bind.linear(name.q_proj, q, c.hidden_size, /*bias=*/false, mla.q_proj);
  }
  bind.linear(name.kv_a_proj_with_mqa, m.kv_lora_rank + m.qk_rope_head_dim, c.hidden_size, c.qkv_bias,
              mla.kv_a_proj_with_mqa);
  bind.vector(names::weight(name.kv_a_layernorm), m.kv_lora_rank, mla.kv_a_layernorm);
  // Read by absorb_query and expand_value in the stored layout.
  bind.unpacked_linear(name.kv_b_proj, c.num_attention_heads * (m.qk_nope_head_dim + m.v_head_dim),
                       m.kv_lora_rank, mla.kv_b_proj);
}

void bind_indexer(Binder& bind, const names::Indexer& name, const ModelConfig& c, IndexerWeights& indexer) {
  const IndexerConfig& i = *c.indexer;
  const bool latent = c.mla && c.mla->q_lora_rank > 0;
  bind.linear(name.query(latent), i.n_heads * i.head_dim, latent ? c.mla->q_lora_rank : c.hidden_size,
              /*bias=*/false, indexer.wq);
  bind.linear(name.wk, i.head_dim, c.hidden_size, /*bias=*/false, indexer.wk);
  bind.linear(name.weights_proj, i.n_heads, c.hidden_size, /*bias=*/false, indexer.weights_proj);
  bind.vector(names::weight(name.k_norm), i.head_dim, indexer.k_norm);
  bind.vector(names::bias(name.k_norm), i.head_dim, indexer.k_norm_bias);
}

void bind_layer(Binder& bind, Binder& bind_indexer_from, const ModelConfig& c, std::int64_t index,
                bool is_mtp, LayerWeights& layer) {
  const names::Layer name = names::layer(index);
  bind.vector(names::weight(name.input_layernorm), c.hidden_size, layer.input_layernorm);
  bind.vector(names::weight(name.post_attention_layernorm), c.hidden_size, layer.post_attention_layernorm);
  if (c.mla) {
    bind_mla(bind, name, c, layer.mla.emplace());
    bind.linear(name.o_proj, c.hidden_size, c.num_attention_heads * c.mla->v_head_dim, c.o_bias,
                layer.o_proj);
  } else {
    bind_gqa(bind, name, c, layer.gqa.emplace());
    bind.linear(name.o_proj, c.hidden_size, c.num_attention_heads * c.head_dim, c.o_bias, layer.o_proj);
  }
  if (c.indexer && !is_mtp && c.indexer->full[usize(index)])
    bind_indexer(bind_indexer_from, name.indexer, c, layer.indexer.emplace());
  if (is_mtp ? c.moe.has_value() : c.is_moe_layer(index))
    bind_moe(bind, name.moe, c, layer.moe.emplace());
  else
    bind_mlp(bind, name.mlp, c, c.intermediate_size, layer.mlp.emplace());
}

void bind_mtp(Binder& bind, const ModelConfig& c, std::int64_t index, MtpWeights& mtp) {
  const names::Layer name = names::layer(index);
  bind.linear(name.eh_proj, c.hidden_size, 2 * c.hidden_size, /*bias=*/false, mtp.eh_proj);
  bind.vector(names::weight(name.enorm), c.hidden_size, mtp.enorm);
  bind.vector(names::weight(name.hnorm), c.hidden_size, mtp.hnorm);
  bind.vector(names::weight(name.shared_head_norm), c.hidden_size, mtp.norm);
  bind_layer(bind, bind, c, index, /*is_mtp=*/true, mtp.layer);
}

void load_mtp(Binder& bind, const ModelConfig& c, LoadMtp wanted, ModelWeights& model) {
  if (wanted == LoadMtp::no) return;
  if (c.num_nextn_predict_layers == 0) {
    if (wanted == LoadMtp::if_whole) return;
    fail("`speculation` mtp: this {} model comes without a layer for it: choose auto or ngram", c.model_type);
  }
  try {
    bind_mtp(bind, c, c.num_hidden_layers, model.mtp.emplace());
  } catch (const Error& error) {
    if (wanted == LoadMtp::yes) throw;
    model.mtp.reset();
    warn("{}: the layer that would guess tokens (`speculation`) is left out", error.what());
  }
}

// Names that a checkpoint may hold without anybody reading them.
bool is_expected_leftover(std::string_view name, const ModelConfig& c) {
  if (name.find("rotary_emb.inv_freq") != std::string_view::npos || name == "rope_freqs.weight") return true;
  if (name == names::weight(names::kLmHead)) return c.tie_word_embeddings;
  for (std::int64_t i = 0; i < c.num_nextn_predict_layers; ++i)
    if (name.starts_with(names::layer(c.num_hidden_layers + i).at)) return true;
  return names::is_of_indexer(name);  // not used with --indexer none, or a shared layer's
}

void warn_about_leftovers(const TensorSource& tensors, const Binder& bind, const ModelConfig& c) {
  std::vector<std::string> names;
  std::size_t count = 0;
  tensors.for_each([&](std::string_view name, const StoredTensor&) {
    if (bind.used(name) || is_expected_leftover(name, c)) return;
    if (++count <= 3) names.emplace_back(printable(name));
  });
  if (count > 0)
    warn("{} tensors of the checkpoint are not part of a {} model and are not used: {}{}", count,
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
    bind.linear(names::kEmbedTokens, config.vocab_size, config.hidden_size, /*bias=*/false, model.lm_head);
    model.embed_tokens = model.lm_head;
  } else {
    bind.unpacked_linear(names::kEmbedTokens, config.vocab_size, config.hidden_size, model.embed_tokens);
    bind.linear(names::kLmHead, config.vocab_size, config.hidden_size, /*bias=*/false, model.lm_head);
  }
  bind.vector(names::weight(names::kNorm), config.hidden_size, model.norm);
  model.layers.resize(static_cast<std::size_t>(config.num_hidden_layers));
  for (std::size_t i = 0; i < model.layers.size(); ++i)
    bind_layer(bind, indexer, config, static_cast<std::int64_t>(i), /*is_mtp=*/false, model.layers[i]);
  load_mtp(bind, config, mtp, model);
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
