// Products with repacked ggml blocks by squares of int8.
#include "kernels/cpu/includes.h"

namespace dsa::avx512_bf16 {
void linear(Exec& exec, const LinearArgs& args);
}  // namespace dsa::avx512_bf16

#include DSA_BEGIN_FAMILY

#include DSA_VEC

#include DSA_SQUARES

#include "kernels/cpu/ops/squares.inl"

#include "kernels/cpu/ops/linear_steps.inl"

#include "kernels/cpu/ops/linear_asides.inl"

#include "kernels/cpu/ops/linear_tiles_amx.inl"

#include "kernels/cpu/ops/linear_tiles.inl"

#include "kernels/cpu/ops/linear_amx.inl"

#include "kernels/vec/end.h"
