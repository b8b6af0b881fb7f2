// The rows for AVX2 and FMA.
#include <cmath>

#include "kernels/cpu/includes.h"
#include "kernels/rows/row_kernels.h"

#include "kernels/vec/avx2/begin.h"

namespace dsa::train::avx2 {
namespace {

#include "kernels/vec/avx2/vec.inl"

/// Rows of a product that one pass over B serves: 12 sums, 2 vectors of B and 1 of A fill 16 registers.
inline constexpr int kProductRows = 6;

/// 1 where x > 0, else 0.
inline Vec positive(Vec x) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_GT_OQ), _mm256_set1_ps(1.0F))};
}

#include "kernels/rows/product.inl"

#include "kernels/rows/gather.inl"

#include "kernels/rows/rows.inl"

}  // namespace

extern const RowKernels kRows = row_kernels("avx2");

}  // namespace dsa::train::avx2

#include "kernels/vec/end.h"
