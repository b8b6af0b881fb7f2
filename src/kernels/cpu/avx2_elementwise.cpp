// The AVX2 family: norms, rope and the other ops that pass once over their rows.
#include "kernels/cpu/includes.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/vec/avx2/begin.h"

namespace dsa::avx2 {

#include "kernels/vec/avx2/vec.inl"

#include "kernels/cpu/ops/elementwise.inl"

}  // namespace dsa::avx2

#include "kernels/vec/end.h"
