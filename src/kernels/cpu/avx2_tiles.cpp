// The AVX2 family: linear over repacked ggml blocks.
#include "kernels/cpu/includes.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/vec/avx2/begin.h"

namespace dsa::avx2 {

#include "kernels/vec/avx2/vec.inl"

#include "kernels/cpu/ops/linear_tiles.inl"

}  // namespace dsa::avx2

#include "kernels/vec/end.h"
