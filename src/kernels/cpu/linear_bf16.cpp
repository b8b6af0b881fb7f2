// Products with FP8 and BF16 weights in BF16; those with others are left to the family without BF16 products.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
void linear(Exec& exec, const LinearArgs& args);
void linear_tiles(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs,
                  const SideCells* side);
void absorb_query(Exec& exec, const AbsorbQueryArgs& args);
void expand_value(Exec& exec, const ExpandValueArgs& args);
}  // namespace dsa::avx512

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/vec/avx512_bf16/pairs.inl"

#include "kernels/vec/steps.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_pairs.inl"

#include "kernels/cpu/ops/linear_fp8.inl"

#include "kernels/cpu/ops/linear_bf16.inl"

#include "kernels/cpu/ops/linear_rounded.inl"

#include "kernels/cpu/ops/no_squares.inl"

#include "kernels/cpu/ops/mla_vectors.inl"

#include "kernels/cpu/ops/mla_rounded.inl"

#include "kernels/vec/end.h"
