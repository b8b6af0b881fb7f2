// The AVX-512 family with BF16 products: linear over FP8 weights.
#include "kernels/cpu/includes.h"

namespace dsa {
namespace avx512 {
#include "kernels/cpu/ops.h"
}  // namespace avx512
namespace avx512_bf16 {
#include "kernels/cpu/ops.h"
}  // namespace avx512_bf16
}  // namespace dsa

#include "kernels/vec/avx512_bf16/begin.h"

namespace dsa::avx512_bf16 {

#include "kernels/vec/avx512/vec.inl"

#include "kernels/cpu/ops/linear_cells.inl"

#include "kernels/cpu/ops/linear_bf16.inl"

}  // namespace dsa::avx512_bf16

#include "kernels/vec/end.h"
