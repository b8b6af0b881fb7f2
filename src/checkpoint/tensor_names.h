// The names that published checkpoints give a model's parts, each written once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dsa::tensor_names {

/// Names below are those of matrices, norms and embeddings; their tensors are
inline std::string weight(const std::string& part) { return part + ".weight"; }
inline std::string bias(const std::string& part) { return part + ".bias"; }
/// of an FP8 matrix: what each block is multiplied by, whatever the name says
inline std::string scales(const std::string& part) { return part + ".weight_scale_inv"; }

inline constexpr const char* kEmbedTokens = "model.embed_tokens";
inline constexpr const char* kNorm = "model.norm";
inline constexpr const char* kLmHead = "lm_head";
inline constexpr const char* kLayers = "model.layers.";  // what every layer's begin with

struct Mlp {
  explicit Mlp(const std::string& at)
      : gate_proj(at + "gate_proj"), up_proj(at + "up_proj"), down_proj(at + "down_proj") {}
  std::string gate_proj, up_proj, down_proj;
};

struct Indexer {
  explicit Indexer(const std::string& at)
      : wq(at + "wq"),
        wq_b(at + "wq_b"),
        wk(at + "wk"),
        weights_proj(at + "weights_proj"),
        k_norm(at + "k_norm") {}
  /// Reads the hidden state, or, as wq_b, the query latent.
  [[nodiscard]] const std::string& query(bool from_latent) const { return from_latent ? wq_b : wq; }
  std::string wq, wq_b, wk, weights_proj, k_norm;
};

struct Moe {
  explicit Moe(const std::string& at)
      : gate(at + "gate"),
        e_score_correction_bias(at + "gate.e_score_correction_bias"),
        shared_experts(at + "shared_experts."),
        experts_at(at + "experts.") {}
  [[nodiscard]] Mlp expert(std::int64_t e) const { return Mlp(experts_at + std::to_string(e) + "."); }
  std::string gate;
  std::string e_score_correction_bias;  // a whole tensor's name
  Mlp shared_experts;
  std::string experts_at;
};

/// Of one layer, whichever of them it has; a module of multi-token prediction is one more layer.
struct Layer {
  explicit Layer(std::int64_t index) : Layer(kLayers + std::to_string(index) + ".") {}

  std::string at;  // what all of them begin with
  std::string input_layernorm, post_attention_layernorm;
  std::string q_proj, k_proj, v_proj, q_norm, k_norm, o_proj;
  std::string q_a_proj, q_a_layernorm, q_b_proj, kv_a_proj_with_mqa, kv_a_layernorm, kv_b_proj;
  Indexer indexer;
  Mlp mlp;
  Moe moe;
  std::string embed_tokens, enorm, hnorm, eh_proj, shared_head_norm, shared_head;

 private:
  explicit Layer(const std::string& prefix)
      : at(prefix),
        input_layernorm(at + "input_layernorm"),
        post_attention_layernorm(at + "post_attention_layernorm"),
        q_proj(at + "self_attn.q_proj"),
        k_proj(at + "self_attn.k_proj"),
        v_proj(at + "self_attn.v_proj"),
        q_norm(at + "self_attn.q_norm"),
        k_norm(at + "self_attn.k_norm"),
        o_proj(at + "self_attn.o_proj"),
        q_a_proj(at + "self_attn.q_a_proj"),
        q_a_layernorm(at + "self_attn.q_a_layernorm"),
        q_b_proj(at + "self_attn.q_b_proj"),
        kv_a_proj_with_mqa(at + "self_attn.kv_a_proj_with_mqa"),
        kv_a_layernorm(at + "self_attn.kv_a_layernorm"),
        kv_b_proj(at + "self_attn.kv_b_proj"),
        indexer(at + "self_attn.indexer."),
        mlp(at + "mlp."),
        moe(at + "mlp."),
        embed_tokens(at + "embed_tokens"),
        enorm(at + "enorm"),
        hnorm(at + "hnorm"),
        eh_proj(at + "eh_proj"),
        shared_head_norm(at + "shared_head.norm"),
        shared_head(at + "shared_head.head") {}
};

inline Layer layer(std::int64_t index) { return Layer(index); }

/// True for a tensor of any layer's indexer.
inline bool is_of_indexer(std::string_view tensor) {
  return tensor.find(".self_attn.indexer.") != std::string_view::npos;
}

}  // namespace dsa::tensor_names
