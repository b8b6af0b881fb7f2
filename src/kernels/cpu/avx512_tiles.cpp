// The AVX-512 family: linear over repacked ggml blocks.
#include "kernels/cpu/includes.h"

namespace dsa::avx512 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx512

#include "kernels/cpu/begin_avx512.h"

namespace dsa::avx512 {

#include "kernels/cpu/vec_avx512.inl"

#include "kernels/cpu/linear_tiles.inl"

}  // namespace dsa::avx512

#include "kernels/cpu/end_family.h"
