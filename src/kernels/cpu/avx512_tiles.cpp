// The AVX-512 family: linear over repacked ggml blocks.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/vec/avx512/begin.h"

namespace dsa::avx512 {

#include "kernels/vec/avx512/vec.inl"

#include "kernels/cpu/ops/linear_tiles.inl"

}  // namespace dsa::avx512

#include "kernels/vec/end.h"
