// The AVX-512 family: float32 products with stored weights.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/vec/avx512/begin.h"

namespace dsa::avx512 {

#include "kernels/vec/avx512/vec.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_dot.inl"

#include "kernels/cpu/ops/linear.inl"

#include "kernels/cpu/ops/mla.inl"

}  // namespace dsa::avx512

#include "kernels/vec/end.h"
