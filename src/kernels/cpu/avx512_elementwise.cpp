// The AVX-512 family: norms, rope and the other ops that pass once over their rows.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/vec/avx512/begin.h"

namespace dsa::avx512 {

#include "kernels/vec/avx512/vec.inl"

#include "kernels/cpu/ops/elementwise.inl"

}  // namespace dsa::avx512

#include "kernels/vec/end.h"
