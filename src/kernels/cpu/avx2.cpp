// The AVX2 family: the op bodies of *.inl over vec_avx2.inl, in a region of its own so that no code outside
// it (inline functions of the standard library above all) is compiled for a processor that may be missing.
#include <immintrin.h>

#include <cstdint>
#include <span>
#include <type_traits>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/tile.h"
#include "kernels/dequantize.h"
#include "kernels/quantize.h"
#include "kernels/ref/ref.h"
#include "kernels/scratch.h"

#if defined(__clang__)
#define DSA_UNROLL _Pragma("unroll")
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#define DSA_UNROLL _Pragma("GCC unroll 16")
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

namespace dsa {
namespace avx2 {
namespace {

// Each over the names of those before it: the blank lines keep the order.
#include "kernels/cpu/vec_avx2.inl"

#include "kernels/cpu/linear_tiles.inl"

#include "kernels/cpu/linear_dot.inl"

#include "kernels/cpu/linear.inl"

#include "kernels/cpu/embedding.inl"

#include "kernels/cpu/attention_block.inl"

#include "kernels/cpu/attention.inl"

}  // namespace
}  // namespace avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

std::optional<std::string> refuse_avx2() {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    return std::nullopt;
  return "this processor has no AVX2, FMA and F16C";
}

const KernelTable kAvx2Kernels{
    .name = "avx2",
    .embedding = avx2::embedding,
    .rms_norm = ref::rms_norm,
    .layer_norm = ref::layer_norm,
    .linear = avx2::linear,
    .absorb_query = ref::absorb_query,
    .expand_value = ref::expand_value,
    .rope = ref::rope,
    .swiglu = ref::swiglu,
    .add_rows = ref::add_rows,
    .gate = ref::gate,
    .cache_write = ref::cache_write,
    .indexer_scores = ref::indexer_scores,
    .indexer_select = ref::indexer_select,
    .attention = avx2::attention,
    .packed_bytes = avx2::packed_bytes,
    .pack = avx2::pack,
};

}  // namespace dsa
