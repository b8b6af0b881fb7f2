// A layer of DeepSeek-V3.2's architecture in libtorch, for autograd: latent attention, then an MLP
// or experts.  Included by libtorch's files alone.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/model_config.h"
#include "exec/exec.h"
#include "kernels/registry.h"
#include "train/pretrain/causal_attention.h"
#include "train/sparse/joined_rows.h"
#include "train/torch/layer_ops_torch.h"

namespace dsa::train {

/// What a layer attends with; what it points at must live until the backward has run, but for
/// mean_attention.
struct BatchAttention {
  CausalAttention* attention = nullptr;
  const JoinedRows* rows = nullptr;       // of all sequences
  const Selection* selections = nullptr;  // by part; null, or one of no rows: over everything
  // By part, written in the forward; null: not wanted.  Then no part shares anything.
  const TensorView<float, 2>* mean_attention = nullptr;
};

/// Of x, a row each of a run: those of a part's whole sequence, in order.  A view where nothing is shared.
torch::Tensor rows_of_sequence(const torch::Tensor& x, const JoinedRows& rows, std::int64_t part);

struct MlaMlp {
  torch::Tensor gate_proj, up_proj, down_proj;
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, Products products) const;
};

/// sum over the routed experts of weight * expert(x) + shared expert(x); weights follow the router, choices
/// are its kernel's (kernels/gate.h) and constants.
struct MlaMoe {
  torch::Tensor gate, bias;  // the bias takes part in choices alone
  std::vector<MlaMlp> experts;
  std::optional<MlaMlp> shared_experts;

  struct Tools {
    const MoeConfig& config;
    Exec& exec;
    const KernelTable& kernels;
    Products products;
    std::span<const std::int32_t> replayed;  // choices [rows, slots] in place of the router's; may be empty
  };
  /// `load` [experts] gets how many tokens went to each.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const Tools& tools,
                                      std::vector<std::int64_t>& load) const;
};

struct MlaLayer {
  torch::Tensor input_layernorm, post_attention_layernorm;
  torch::Tensor q_a_proj, q_a_layernorm, q_b_proj, kv_a_proj_with_mqa, kv_a_layernorm, kv_b_proj, o_proj;
  std::optional<MlaMlp> mlp;
  std::optional<MlaMoe> moe;

  struct Pass {
    const ModelConfig& config;
    Exec& exec;
    const KernelTable& kernels;
    Products products;
    torch::Tensor cos_sin;  // [rows, rope dim]: cosines, then sines
    const BatchAttention& attention;
    /// What the indexer reads, before anything attends: the normed hidden state and the query latent.
    std::function<void(const torch::Tensor& h, const torch::Tensor& latent)> on_index_input;
    std::vector<std::int64_t>& expert_load;      // empty where the layer has no experts
    std::span<const std::int32_t> experts = {};  // choices to be made again (MlaMoe::Tools)
  };
  /// The residual stream after the layer; x [rows, hidden] as pass.attention.rows has them.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const Pass& pass) const;
};

/// The layer of this number, or of a prediction module, out of its published names.
MlaLayer mla_layer(const Leaves& weights, const ModelConfig& config, std::int64_t layer);

}  // namespace dsa::train
