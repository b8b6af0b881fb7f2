// The weights of a model, by the names of the published checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/model_config.h"
#include "kernels/registry.h"
#include "model/options.h"
#include "tensor/arena.h"

namespace dsa {

class TensorSource;
struct StoredTensor;

struct Linear {
  WeightView weight;
  std::vector<float> bias;  // empty: none
};

struct MlpWeights {
  Linear gate_proj, up_proj, down_proj;
};

struct MoeWeights {
  Linear gate;                                 // the router, [experts, hidden]
  std::vector<float> e_score_correction_bias;  // [experts]
  std::vector<MlpWeights> experts;
  std::optional<MlpWeights> shared_experts;
};

/// wq reads the query latent of MLA (its published name is wq_b) or, for a GQA base, the normed hidden state.
struct IndexerWeights {
  Linear wq, wk, weights_proj;
  std::vector<float> k_norm, k_norm_bias;
};

/// Multi-head latent attention; q_proj stands in for q_a and q_b where the model has no query latent.
struct MlaWeights {
  Linear q_proj, q_a_proj, q_b_proj, kv_a_proj_with_mqa, kv_b_proj;
  std::vector<float> q_a_layernorm, kv_a_layernorm;
};

struct GqaWeights {
  Linear q_proj, k_proj, v_proj;
  std::vector<float> q_norm, k_norm;  // Qwen3
};

struct LayerWeights {
  std::vector<float> input_layernorm, post_attention_layernorm;
  std::optional<GqaWeights> gqa;
  std::optional<MlaWeights> mla;
  Linear o_proj;
  std::optional<IndexerWeights> indexer;
  std::optional<MlpWeights> mlp;
  std::optional<MoeWeights> moe;
};

/// The multi-token-prediction module: hidden' = block(eh_proj([enorm(embedding) ; hnorm(hidden)])).
/// Embedding and head are the main model's, of which checkpoints hold copies; its indexer is not used.
struct MtpWeights {
  Linear eh_proj;
  std::vector<float> enorm, hnorm, norm;
  LayerWeights layer;
};

/// Views into the mapped checkpoint wherever the kernels read the stored format;
/// owned copies only of what is small (vectors), re-ordered (GGUF q and k rows) or packed by the kernel
/// family.  Immutable after load; movable.
struct ModelWeights {
  Linear embed_tokens;
  Linear lm_head;  // the embedding's view if tied
  std::vector<float> norm;
  std::vector<LayerWeights> layers;
  std::optional<MtpWeights> mtp;  // the first module, if asked for

  Arena owned;
  std::size_t packed_bytes = 0;
};

/// Finds, checks (presence, shape, type) and binds every tensor of the model; packs what the kernels want
/// packed.  Throws Error naming tensor, shape found and shape expected.  Tensors nobody asked for are one
/// warning. `indexer_tensors`: the tensors of an indexer folder for a base model without one, else null.
ModelWeights load_weights(const ModelConfig& config, const TensorSource& tensors,
                          const TensorSource* indexer_tensors, const KernelTable& kernels, Compute compute,
                          Exec& exec, LoadMtp mtp = LoadMtp::no);

/// The same findings, from the headers alone: throws the Error that load_weights() would, reads no value.
void check_weights(const ModelConfig& config, const TensorSource& tensors,
                   const TensorSource* indexer_tensors);

}  // namespace dsa
