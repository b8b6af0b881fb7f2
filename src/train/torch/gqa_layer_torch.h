// A layer of a grouped-query model (Llama, Qwen2, Qwen3) in libtorch, for autograd.
// Included by libtorch's files alone.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

#include "train/sparse/selected_attention.h"
#include "train/torch/layer_ops_torch.h"

namespace dsa::train {

/// What a layer attends with; what it points at must live until the backward has run.
struct AttentionPass {
  SelectedAttention* attention = nullptr;
  const Selection* selection = nullptr;
  TensorView<float, 2> mean_attention;  // written in the forward unless empty
};

struct GqaLayer {
  /// weight x + bias + kLoraScale * b a x; bias, a and b may be undefined.
  struct Projection {
    torch::Tensor weight, bias, a, b;
    Products products = Products::f32;
    torch::Tensor operator()(const torch::Tensor& x) const;
  };

  std::int64_t heads = 0, groups = 0, dim = 0;
  double eps = 0;
  torch::Tensor input_layernorm, post_attention_layernorm;
  torch::Tensor q_norm, k_norm;  // Qwen3; else undefined
  Projection q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;

  /// The residual stream [n, hidden] after the layer.  cos_sin [n, dim]: cosines, then sines.  `on_normed`,
  /// which may be empty, sees what the projections of attention read, before anything attends.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& cos_sin,
                                      const AttentionPass& pass,
                                      const std::function<void(const torch::Tensor&)>& on_normed) const;
};

}  // namespace dsa::train
