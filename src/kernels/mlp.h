// Element-wise parts of the MLP and the residual stream.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

/// out[t, i] = silu(gate[t, i]) * up[t, i], silu(v) = v / (1 + exp(-v)).  out may alias gate or up.
struct SwigluArgs {
  TensorView<const float, 2> gate;  // [n, dim]
  TensorView<const float, 2> up;    // [n, dim]
  TensorView<float, 2> out;         // [n, dim]
};

/// y[rows[i], :] += scale[i] * x[i, :]; rows empty: y[i, :] += x[i, :] (scale empty too).
/// rows are distinct and in range.
struct AddRowsArgs {
  TensorView<const float, 2> x;        // [m, dim]
  std::span<const std::int32_t> rows;  // [m] or empty
  std::span<const float> scale;        // [m] or empty
  TensorView<float, 2> y;              // [n, dim]
};

}  // namespace dsa
