// Normalisations.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

/// y[t, :] = x[t, :] * (mean(x[t, :]^2) + eps)^-1/2 * weight.  All in float32 (mean accumulated in the
/// family's fixed order). y may alias x.  (transformers: LlamaRMSNorm)
struct RmsNormArgs {
  TensorView<const float, 2> x;   // [n, dim]; rows may be strided (a part of a wider tensor)
  std::span<const float> weight;  // [dim]
  float eps = 0;
  TensorView<float, 2> y;  // [n, dim]
};

/// y[t, :] = (x[t, :] - mean) * (variance + eps)^-1/2 * weight + bias, variance over dim (biased).
/// y may alias x.
struct LayerNormArgs {
  TensorView<const float, 2> x;   // [n, dim]
  std::span<const float> weight;  // [dim]
  std::span<const float> bias;    // [dim]
  float eps = 0;
  TensorView<float, 2> y;  // [n, dim]
};

}  // namespace dsa
