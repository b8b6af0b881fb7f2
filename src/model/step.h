// What the parts of a forward pass share.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "exec/exec.h"
#include "kernels/registry.h"
#include "model/activations.h"
#include "model/attention_plan.h"
#include "model/batch.h"
#include "model/weights.h"

namespace dsa {

/// One forward pass while it runs: the tools, the rows, the scratch.  Lives on the stack of
/// Transformer::forward.
struct Step {
  Exec& exec;
  const KernelTable& kernels;
  const ModelConfig& config;
  Activations& act;
  const ForwardHooks& hooks;
  const AttentionPlan& plan;
  Compute compute;
  std::int64_t n;               // rows of this batch
  std::span<const KvRow> rows;  // [n]
  double& indexer_ms;           // grows by what the indexer takes
  /// Rows that go on when the layer has attended, ascending; nullopt: all.  The others stand in the batch for
  /// what they leave in the cache.
  std::optional<std::span<const std::int32_t>> kept = {};

  [[nodiscard]] TensorView<float, 2> of(const TensorView<float, 2>& t) const { return t.slice(0, n); }

  /// The same pass with the rows that are kept, which move up in what has been computed for them so far.
  [[nodiscard]] Step narrowed() const {
    if (!kept) return *this;
    for (const TensorView<float, 2>& rows : {act.x, act.o_c})
      for (std::size_t i = 0; i < kept->size(); ++i)
        std::memmove(rows.row(i), rows.row((*kept)[i]),
                     static_cast<std::size_t>(rows.cols()) * sizeof(float));
    Step out = *this;
    out.n = std::ssize(*kept);
    out.kept.reset();
    return out;
  }

  /// y = x W^T + b.
  void linear(TensorView<const float, 2> x, std::span<const LinearOutput> outputs) const {
    kernels.linear(exec, {.x = x, .outputs = outputs, .compute = compute, .scratch = act.linear_scratch});
  }
  void rms_norm(TensorView<const float, 2> x, std::span<const float> weight, TensorView<float, 2> y) const {
    kernels.rms_norm(exec,
                     {.x = x, .weight = weight, .eps = static_cast<float>(config.rms_norm_eps), .y = y});
  }
  /// MLA's latents are normed with 1e-6 whatever rms_norm_eps says
  /// (DeepSeek's code, transformers); it shows in GLM.
  void latent_norm(TensorView<float, 2> x, std::span<const float> weight) const {
    kernels.rms_norm(exec, {.x = x, .weight = weight, .eps = 1e-6F, .y = x});
  }
};

inline LinearOutput output(const Linear& linear, TensorView<float, 2> y) {
  return {linear.weight, linear.bias, y};
}

/// [n, heads * dim] as [n, heads, dim].
template <class T>
TensorView<T, 3> split_heads(const TensorView<T, 2>& x, std::int64_t heads) {
  const std::int64_t dim = x.cols() / heads;
  return {x.data(), {x.rows(), heads, dim}, {x.stride(0), dim, 1}};
}

/// The last dimension's elements [first, first + count).
template <class T, std::size_t Rank>
TensorView<T, Rank> columns(const TensorView<T, Rank>& x, std::int64_t first, std::int64_t count) {
  auto shape = x.shape();
  DSA_DCHECK(first >= 0 && count >= 0 && first + count <= shape[Rank - 1]);
  shape[Rank - 1] = count;
  return {x.data() + first, shape, x.strides()};
}

}  // namespace dsa
