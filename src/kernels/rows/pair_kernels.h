// Products of float32 rows that are rounded to BF16 first, beside row_kernels.h: twice as fast where the
// processor multiplies BF16.  There are none where it does not.
#pragma once

#include <cstdint>

#include "kernels/rows/row_kernels.h"

namespace dsa {

constexpr std::int64_t pairs_for(std::int64_t elements) { return (elements + 1) / 2; }

/// Rounding is to nearest even; what is below the smallest normal number becomes 0, NaN stays NaN.  Two
/// neighbours lie in one word, the first in its lower half; the partner of an odd last element is 0.
struct RoundArgs {
  std::int64_t rows = 0, dim = 0;
  const float* x = nullptr;  // [rows, dim], row i at x + i * stride
  std::int64_t stride = 0;
  float scale = 1;              // x is multiplied by it before
  std::uint32_t* to = nullptr;  // [rows, pairs_for(dim)], or a panel [pairs_for(dim), kPanel]
};

/// C[i, j] = sum_k A[i, k] B[k, j] of rounded numbers, float32, pair after pair; whole panels of B.
struct PairProductArgs {
  std::int64_t m = 0, panels = 0, pairs = 0;
  const std::uint32_t* a = nullptr;  // [m, pairs]
  const std::uint32_t* b = nullptr;  // [panels, pairs, kPanel]
  float* c = nullptr;                // [m, panels * kPanel], row i at c + i * c_row
  std::int64_t c_row = 0;
};

/// An instruction set's (KernelTable::pairs).  Nothing aliases.
struct PairKernels {
  /// Rows as A of a product.
  void (*round_rows)(const RoundArgs&) = nullptr;
  /// At most kPanel rows, the missing ones as zeros, as a panel of B.
  void (*round_panel)(const RoundArgs&) = nullptr;
  void (*product)(const PairProductArgs&) = nullptr;
};

}  // namespace dsa
