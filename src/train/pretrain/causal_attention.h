// Multi-head attention of a whole sequence with one key and one value a head (MLA, expanded), and the way
// back: what a model from scratch trains with.
//   p[t, h, .] = softmax over s in S_t of scale * q[t, h] . k[s, h]
//   out[t, h]  = sum_s p[t, h, s] v[s, h]
// S_t is every position up to t, or a selection of them, which is a constant: no gradient passes through it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/exec.h"
#include "kernels/rows/row_kernels.h"
#include "tensor/view.h"
#include "train/sparse/selected_attention.h"

namespace dsa::train {

/// Queries may be of the last positions alone: what is before them has keys and values.
///
/// Scores come in blocks of rows by all earlier positions, also where few of those are selected: at contexts
/// of a thousand tokens that costs less than gathering.  float32.  Results depend on the kernels, never on
/// the number of threads.  Not thread-safe.
class CausalAttention {
 public:
  struct Sizes {
    std::int64_t heads = 0, qk_dim = 0, v_dim = 0, max_context = 0;
    float scale = 1;
  };
  CausalAttention(const Sizes& sizes, Exec& exec, const RowKernels& kernels);

  /// q [m, heads, qk_dim] of the last m of n positions, k [n, heads, qk_dim], v [n, heads, v_dim];
  /// selection, of all n: null: every position.
  /// Writes out [m, heads, v_dim] and, if it is not empty (then m is n), the heads' mean of p:
  /// [n, topk] over each selection, or [n, at least n] over all
  /// (what is past a row's own count is not written).
  void forward(const AttentionTensors& in, const Selection* selection, TensorView<float, 3> out,
               TensorView<float, 2> mean_attention);

  /// Writes the gradients for d_out [m, heads, v_dim]; scores are computed once more.
  void backward(const AttentionTensors& in, const Selection* selection, TensorView<const float, 3> d_out,
                const SelectedAttention::Gradients& gradients);

 private:
  /// Of one thread.
  struct Scratch {
    std::vector<float> p, dp;     // [block rows, max_context]
    std::vector<float> compact;   // [max_context], scores of one selection
    std::vector<float> k_panels;  // one head's
    std::vector<float> v_panels;
  };
  struct Block {
    std::int64_t first, end;  // rows of q
    std::int64_t before;      // positions before q's first
    [[nodiscard]] std::int64_t rows() const { return end - first; }
    [[nodiscard]] std::int64_t keys() const { return before + end; }
  };
  void probabilities(const AttentionTensors& in, const Selection* selection, std::int64_t head,
                     const float* k_panels, const Block& block, Scratch& scratch) const;
  void add_mean(const Selection* selection, const Block& block, const std::vector<float>& p,
                TensorView<float, 2> mean) const;
  void backward_head(const AttentionTensors& in, const Selection* selection, std::int64_t head,
                     TensorView<const float, 3> d_out, const SelectedAttention::Gradients& gradients,
                     Scratch& scratch) const;

  Sizes sizes_;
  Exec& exec_;
  const RowKernels& kernels_;
  std::vector<Scratch> scratch_;  // by thread
  std::vector<float> k_panels_;   // [heads, panels, qk_dim, kPanel]
};

}  // namespace dsa::train
