// The rows for AVX-512.
#include <cmath>

#include "kernels/cpu/includes.h"
#include "kernels/rows/row_kernels.h"

#include "kernels/vec/avx512/begin.h"

namespace dsa::train::avx512 {
namespace {

#include "kernels/vec/avx512/vec.inl"

/// Rows of a product that one pass over B serves: as many sums as hide the latency
/// of a multiplication on every processor.
inline constexpr int kProductRows = 12;

/// 1 where x > 0, else 0.
inline Vec positive(Vec x) {
  return {
      _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_GT_OQ), _mm512_set1_ps(1.0F))};
}

#include "kernels/rows/product.inl"

#include "kernels/rows/gather.inl"

#include "kernels/rows/rows.inl"

}  // namespace

extern const RowKernels kRows = row_kernels("avx512");

}  // namespace dsa::train::avx512

#include "kernels/vec/end.h"
