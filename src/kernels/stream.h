// Rows of the residual stream: moved, scaled and watched.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

/// y[i, :] = x[rows[i], :].  rows are in range and may repeat; y may not alias x.
struct GatherRowsArgs {
  TensorView<const float, 2> x;        // [n, dim]
  std::span<const std::int32_t> rows;  // [m]
  TensorView<float, 2> y;              // [m, dim]
};

/// x[t, :] *= factor, in place.
struct ScaleRowsArgs {
  TensorView<float, 2> x;  // [n, dim]
  float factor = 1;
};

/// x[t, :] = 0, whatever was there.
struct ZeroRowsArgs {
  TensorView<float, 2> x;  // [n, dim]
};

/// found[t] = mark where found[t] < 0 and x[t, :] holds an infinity or a NaN: of marks that ascend from call
/// to call each row keeps its first.
struct MarkNotFiniteArgs {
  TensorView<const float, 2> x;   // [n, dim]
  std::int32_t mark = 0;          // >= 0
  std::span<std::int32_t> found;  // [n]
};

}  // namespace dsa
