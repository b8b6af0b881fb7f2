// Grouped-query attention over a selection of tokens, and the way back: what a training step attends with.
//   p[t, h, .] = softmax over s in S_t of scale * q[t, h] . k[s, g(h)]
//   out[t, h]  = sum_s p[t, h, s] v[s, g(h)]
// S_t is a constant: no gradient passes through a selection (DeepSeek-V3.2, section 2.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/exec.h"
#include "kernels/rows/row_kernels.h"
#include "tensor/view.h"

namespace dsa::train {

/// The selections of one layer for rows 0 .. n of a sequence: positions ascending, none past the row's own.
struct Selection {
  std::int64_t topk = 0;
  std::vector<std::int32_t> idx;    // [n, topk], -1 past count
  std::vector<std::int32_t> count;  // [n], at least 1

  [[nodiscard]] std::span<const std::int32_t> row(std::int64_t t) const {
    return std::span(idx).subspan(static_cast<std::size_t>(t * topk),
                                  static_cast<std::size_t>(count[static_cast<std::size_t>(t)]));
  }
};

/// Rotated queries and keys, and values, of positions 0 .. n.
struct AttentionTensors {
  TensorView<const float, 3> q;  // [n, heads, dim]
  TensorView<const float, 3> k;  // [n, groups, dim]
  TensorView<const float, 3> v;  // [n, groups, dim]
};

/// Gathers the selected rows: holds scores of one query row a thread, never of all pairs.  float32.  Results
/// depend on the kernels, never on the number of threads.  Not thread-safe.
class SelectedAttention {
 public:
  struct Sizes {
    std::int64_t heads = 0, groups = 0, dim = 0;
    std::int64_t max_context = 0, topk = 0;  // most tokens of a selection
  };
  SelectedAttention(const Sizes& sizes, Exec& exec, const RowKernels& kernels);

  /// Writes out [n, heads, dim] and, if it is not empty, the heads' mean of p over each selection
  /// [n, topk] (what is past a row's count is not written): the target of the indexer's loss.
  void forward(const AttentionTensors& in, const Selection& selection, TensorView<float, 3> out,
               TensorView<float, 2> mean_attention);

  struct Gradients {
    TensorView<float, 3> q, k, v;  // shapes of AttentionTensors
  };
  /// Writes the gradients for d_out [n, heads, dim]; scores are computed once more.
  void backward(const AttentionTensors& in, const Selection& selection, TensorView<const float, 3> d_out,
                const Gradients& gradients);

 private:
  struct Scratch {
    std::vector<float> p, dp;  // [heads, topk]
  };
  void probabilities(const AttentionTensors& in, std::span<const std::int32_t> selected, std::int64_t t,
                     std::span<float> p) const;
  void backward_row(const AttentionTensors& in, const Selection& selection, std::int64_t t,
                    TensorView<const float, 3> d_out, const Gradients& gradients, Scratch& scratch) const;

  Sizes sizes_;
  float scale_ = 0;  // dim^-1/2
  Exec& exec_;
  const RowKernels& kernels_;
  std::vector<Scratch> scratch_;  // by thread
  std::vector<float> partials_;   // [parts][2: k, v][max_context, groups * dim]
};

}  // namespace dsa::train
