// The AVX2 family: attention, the indexer and its selection.
#include <immintrin.h>

#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/cpu/tile.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "kernels/registry.h"
#include "kernels/scratch.h"

namespace dsa::avx2 {
#include "kernels/cpu/ops.h"
}  // namespace dsa::avx2

#include "kernels/cpu/begin_avx2.h"

namespace dsa::avx2 {

#include "kernels/cpu/vec_avx2.inl"

#include "kernels/cpu/attention_block.inl"

#include "kernels/cpu/attention.inl"

#include "kernels/cpu/topk.inl"

#include "kernels/cpu/indexer.inl"

}  // namespace dsa::avx2

#include "kernels/cpu/end_avx2.h"
