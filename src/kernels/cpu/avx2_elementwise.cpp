// The AVX2 family: norms, rope and the other ops that pass once over their rows.
#include <immintrin.h>

#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/cpu/tile.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "kernels/registry.h"
#include "kernels/scratch.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/cpu/begin_avx2.h"

namespace dsa::avx2 {

#include "kernels/cpu/vec_avx2.inl"

#include "kernels/cpu/elementwise.inl"

}  // namespace dsa::avx2

#include "kernels/cpu/end_avx2.h"
