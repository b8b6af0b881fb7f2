// The AVX2 family: float32 products with stored weights.
#include "kernels/cpu/includes.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/cpu/begin_avx2.h"

namespace dsa::avx2 {

#include "kernels/cpu/vec_avx2.inl"

#include "kernels/cpu/linear_cells.inl"

#include "kernels/cpu/linear_dot.inl"

#include "kernels/cpu/linear.inl"

#include "kernels/cpu/mla.inl"

}  // namespace dsa::avx2

#include "kernels/cpu/end_family.h"
