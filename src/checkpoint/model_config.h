// What a model is, whichever file format said so: the one description that loader, model and inspect read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/layer_topk.h"

namespace dsa {

enum class Architecture : std::uint8_t { llama, qwen2, qwen3, deepseek_v3, deepseek_v32, glm_moe_dsa };

/// Rotary frequencies (transformers modeling_rope_utils).
struct RopeConfig {
  enum class Type : std::uint8_t { plain, linear, llama3, yarn };
  Type type = Type::plain;
  double theta = 10000;
  double factor = 1;
  std::int64_t original_max_position_embeddings = 0;
  double low_freq_factor = 1, high_freq_factor = 4;  // llama3
  double beta_fast = 32, beta_slow = 1;              // yarn
  double mscale = 0, mscale_all_dim = 0;             // yarn; 0: absent
  std::optional<double> attention_factor = {};       // yarn
  bool truncate = true;                              // yarn: the ramp's ends rounded to whole pairs
  /// GGUF's rope_freqs.weight: the frequency of pair i is divided by element i.  May be empty.
  std::vector<float> freq_factors = {};

  bool operator==(const RopeConfig&) const = default;
};

/// Multi-head latent attention (DeepSeek).
struct MlaConfig {
  std::int64_t q_lora_rank = 0;  // 0: q_proj straight from the hidden state
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 0;
  bool rope_interleave = true;
};

struct MoeConfig {
  std::int64_t n_routed_experts = 0;
  std::int64_t n_shared_experts = 0;
  std::int64_t num_experts_per_tok = 0;
  std::int64_t moe_intermediate_size = 0;
  std::int64_t n_group = 1;
  std::int64_t topk_group = 1;
  bool norm_topk_prob = true;
  double routed_scaling_factor = 1;
  std::int64_t first_k_dense_replace = 0;
  std::int64_t moe_layer_freq = 1;
};

/// The lightning indexer inside a checkpoint (V3.2, GLM) or beside one (an indexer folder for a dense model).
struct IndexerConfig {
  std::int64_t n_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t rope_head_dim = 0;  // the first dims of the head
  bool rope_interleave = false;
  std::int64_t topk = 0;      // where the layers differ, their mean
  LayerTopk layer_topk = {};  // how it is divided among them
  double k_norm_eps = 1e-6;
  bool int8_keys = false;            // as it is run: the cache keeps its keys in int8
  std::int64_t trained_context = 0;  // the longest context it has seen, tokens; 0: not known
  /// Per layer: true: its own indexer; false: shares the nearest earlier full layer's selection.
  std::vector<bool> full;
};

/// Dimensions have been checked: positive, below 2^31, heads divisible by KV heads, products inside int64.
struct ModelConfig {
  Architecture architecture = Architecture::llama;
  std::string model_type;
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t intermediate_size = 0;  // of the dense MLP
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;  // GQA only
  std::int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;  // q_proj, k_proj, v_proj have biases (Qwen2; Llama attention_bias)
  bool o_bias = false;    // o_proj has a bias (Llama attention_bias)
  bool mlp_bias = false;
  bool qk_norm = false;  // Qwen3: RMSNorm over each head of q and k before rope
  RopeConfig rope;
  std::optional<MlaConfig> mla;
  std::optional<MoeConfig> moe;
  std::optional<IndexerConfig> indexer;
  std::int64_t num_nextn_predict_layers = 0;  // MTP layers, stored after the main ones
  std::vector<std::int32_t> eos_token_ids;
  std::optional<std::int32_t> bos_token_id;

  [[nodiscard]] bool is_moe_layer(std::int64_t layer) const {
    return moe && layer >= moe->first_k_dense_replace && layer % moe->moe_layer_freq == 0;
  }
};

/// Throws Error that starts with `who` (the file) unless every promise above holds: sizes in range, divisible
/// where they must be, the predicted number of parameters computable, every token id inside the vocabulary.
/// Both formats call it before anything is allocated from these numbers.
void validate(const ModelConfig& config, std::string_view who);

/// The same for an indexer's own numbers, wherever it is stored; `full` is not looked at.
void validate_indexer(const IndexerConfig& indexer, std::string_view who);

/// Takes out ids of special tokens that the vocabulary does not reach, each with a warning that begins with
/// `who`: no token that the model can choose has them.
void drop_unknown_tokens(ModelConfig& config, std::string_view who);

/// Parameters that tensors of these dimensions hold, without MTP layers; throws Error as validate() does if
/// they are beyond any machine.
std::int64_t predicted_parameters(const ModelConfig& config, std::string_view who);

}  // namespace dsa
