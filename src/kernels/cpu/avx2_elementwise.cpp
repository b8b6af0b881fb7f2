// The AVX2 family: norms, rope and the other ops that pass once over their rows.
#include "kernels/cpu/includes.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/cpu/begin_avx2.h"

namespace dsa::avx2 {

#include "kernels/cpu/vec_avx2.inl"

#include "kernels/cpu/elementwise.inl"

}  // namespace dsa::avx2

#include "kernels/cpu/end_family.h"
