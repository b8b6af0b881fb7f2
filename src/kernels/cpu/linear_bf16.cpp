// Products with FP8 and BF16 weights in BF16; those with others are left to the family without BF16 products.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
void linear(Exec& exec, const LinearArgs& args);
}  // namespace dsa::avx512

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/vec/steps.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_pairs.inl"

#include "kernels/cpu/ops/linear_fp8.inl"

#include "kernels/cpu/ops/linear_bf16.inl"

#include "kernels/vec/end.h"
