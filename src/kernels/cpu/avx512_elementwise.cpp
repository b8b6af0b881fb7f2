// The AVX-512 family: norms, rope and the other ops that pass once over their rows.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/cpu/begin_avx512.h"

namespace dsa::avx512 {

#include "kernels/cpu/vec_avx512.inl"

#include "kernels/cpu/elementwise.inl"

}  // namespace dsa::avx512

#include "kernels/cpu/end_family.h"
