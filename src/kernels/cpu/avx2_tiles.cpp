// The AVX2 family: linear over repacked ggml blocks.
#include "kernels/cpu/includes.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/cpu/begin_avx2.h"

namespace dsa::avx2 {

#include "kernels/cpu/vec_avx2.inl"

#include "kernels/cpu/linear_tiles.inl"

}  // namespace dsa::avx2

#include "kernels/cpu/end_family.h"
