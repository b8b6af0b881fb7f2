// One layer's index queries, keys and head weights for one document, and the way back to the weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/exec.h"
#include "kernels/rows/row_kernels.h"
#include "model/rope_table.h"
#include "tensor/view.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

/// Keys for every position, queries and head weights for the sampled rows alone.  Reused for every layer; a
/// head's vector is padded with zeros to whole panels (padded_dim), so that products need no tails.
class IndexProjections {
 public:
  /// `rope`: the model's frequencies for a width of shape.rope_dim
  /// (docs/interfaces.md, "An indexer for a model that has none").
  IndexProjections(const IndexerShape& shape, const RopeTable& rope, std::int64_t max_context,
                   std::int64_t max_rows, Exec& exec, const RowKernels& kernels);

  /// h: the normed hidden state of positions 0 .. h.rows(); rows: ascending positions.  latent: the query
  /// latent of the same positions where the shape has one, else empty.
  void forward(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
               std::span<const std::int32_t> rows, TensorView<const float, 2> latent = {});

  [[nodiscard]] std::int64_t padded_dim() const { return padded_dim_; }
  /// Rotated queries [rows, heads, padded_dim].
  [[nodiscard]] TensorView<float, 3> queries() { return q_; }
  /// Head weights with heads^-1/2 dim^-1/2 folded in [rows, heads].
  [[nodiscard]] TensorView<float, 2> head_weights() { return w_; }
  /// Normed and rotated keys [positions, padded_dim].
  [[nodiscard]] TensorView<float, 2> keys() { return k_; }

  /// Gradients with respect to what forward() made; backward() overwrites them.
  [[nodiscard]] TensorView<float, 3> query_gradient() { return dq_; }
  [[nodiscard]] TensorView<float, 2> head_weight_gradient() { return dw_; }
  [[nodiscard]] TensorView<float, 2> key_gradient() { return dk_; }

  /// Writes the gradient of all weights: through the rotation, the norm and the projections of the last
  /// forward(), which had the same arguments.
  void backward(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
                const LayerTensors<float>& gradient);

 private:
  void project(TensorView<const float, 2> x, std::span<const float> weight_t, TensorView<float, 2> y);
  void norm_keys(const LayerTensors<const float>& weights);
  void rotate_back();
  void norm_backward(const LayerTensors<const float>& weights, const LayerTensors<float>& gradient);
  void weight_gradient(TensorView<const float, 2> h, const LayerTensors<float>& gradient);

  IndexerShape shape_;
  Exec& exec_;
  const RowKernels& kernels_;
  std::int64_t padded_dim_ = 0;
  std::int64_t n_ = 0;  // positions of the document at hand
  std::span<const std::int32_t> rows_;

  std::vector<float> cos_sin_;             // [max context, rope dim]
  std::vector<float> wq_t_, wk_t_, ww_t_;  // [inputs, padded outputs]
  std::vector<float> h_rows_;              // [rows, hidden]
  std::vector<float> latent_rows_;         // [rows, q_lora_rank]
  std::vector<float> q_data_, w_data_, k_data_, dq_data_, dw_data_, dk_data_;
  std::vector<float> k_hat_, inverse_deviation_;  // the norm's output before scale and shift; 1 / deviation
  std::vector<float> norm_partials_;
  TensorView<float, 3> q_, dq_;
  TensorView<float, 2> w_, k_, dw_, dk_;
};

}  // namespace dsa::train
