// Rotary position embedding.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

enum class RopeLayout : std::uint8_t {
  half_split,   // pairs (x[i], x[i + dim/2]): Llama from HF, Qwen, the V3.2 indexer ("NeoX")
  interleaved,  // pairs (x[2i], x[2i + 1]): MLA, the GLM indexer.  Written back in place, in the same layout
};

/// Angles of n rows at their positions: dim/2 cosines, then dim/2 sines, both times `magnitude`.
///   angle[t, i] = float(positions[t]) * frequencies[i]
/// The product is rounded to float32 as in transformers: at position 8000 that is a difference one can
/// measure.
struct RopeAnglesArgs {
  std::span<const std::int64_t> positions;  // [n]
  std::span<const float> frequencies;       // [dim / 2], radians per position
  float magnitude = 1;
  TensorView<float, 2> cos_sin;  // [n, dim]
};

/// Rotates the first `dim` elements of each head: (a, b) -> (a cos - b sin, a sin + b cos)
/// with the angles of the row.  In place.  dim is even and <= x.dim(2); pass a view that starts
/// at the rotated part if it is not first.
struct RopeArgs {
  TensorView<float, 3> x;  // [n, heads, >= dim], strided
  std::int64_t dim = 0;
  RopeLayout layout = RopeLayout::half_split;
  TensorView<const float, 2> cos_sin;  // [n, dim], as above
};

}  // namespace dsa
