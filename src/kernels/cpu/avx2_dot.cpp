// The AVX2 family: float32 products with stored weights.
#include "kernels/cpu/includes.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/vec/avx2/begin.h"

namespace dsa::avx2 {

#include "kernels/vec/avx2/vec.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_dot.inl"

#include "kernels/cpu/ops/linear.inl"

#include "kernels/cpu/ops/mla.inl"

}  // namespace dsa::avx2

#include "kernels/vec/end.h"
