// What Compute::demo rounds outside of products: DeepSeek's own demo does so "to simulate the precision" that
// its FP8 checkpoints are served with.
#pragma once

#include "exec/exec.h"
#include "kernels/types.h"

namespace dsa {

/// x[t, :] = act_quant(x[t, :]) (kernels/quantize.h), in place.
struct RoundLatentsArgs {
  TensorView<float, 2> x;  // [n, dim]
};

/// Each head of each row, in place: rounded to BF16, rotated by hadamard(), rounded to BF16, then
/// act_quant().  (inference/model.py Indexer.forward, rotate_activation.  Both sides of the product are
/// rotated, so only the rounding shows.)
struct RoundIndexHeadsArgs {
  TensorView<float, 3> x;  // [n, heads, dim], dim a power of two
};

}  // namespace dsa
