// Products with stored weights by squares: ggml blocks by those of int8, FP8 and BF16 by those of BF16.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
void absorb_query(Exec& exec, const AbsorbQueryArgs& args);
void expand_value(Exec& exec, const ExpandValueArgs& args);
}  // namespace dsa::avx512
namespace dsa::avx512_bf16 {
void linear(Exec& exec, const LinearArgs& args);
}  // namespace dsa::avx512_bf16

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include "kernels/vec/avx512_bf16/pairs.inl"

#include DSA_SQUARES

#include "kernels/cpu/ops/squares.inl"

#include "kernels/cpu/ops/linear_steps.inl"

#include "kernels/cpu/ops/linear_asides.inl"

#include "kernels/cpu/ops/linear_tiles_amx.inl"

#include "kernels/cpu/ops/linear_tiles.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_pairs.inl"

#include "kernels/cpu/ops/linear_weights_amx.inl"

#include "kernels/cpu/ops/linear_amx.inl"

#include "kernels/cpu/ops/mla_squares.inl"

#include "kernels/cpu/ops/mla_rounded.inl"

#include "kernels/vec/end.h"
