// The AVX2 family's table.  Its ops stand in avx2_*.cpp, each in a region of its own (avx2/begin.h).
#include <cpuid.h>

#include "kernels/cpu/cpu.h"
#include "kernels/ref/ref.h"

namespace dsa {
namespace avx2 {
#include "kernels/cpu/ops.h"
}  // namespace avx2

namespace {

// clang 16's __builtin_cpu_supports does not know "f16c".
bool has_f16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

}  // namespace

std::optional<std::string> refuse_avx2() {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) return std::nullopt;
  return "this processor has no AVX2, FMA and F16C";
}

const KernelTable kAvx2Kernels{
    .name = "avx2",
    .embedding = avx2::embedding,
    .rms_norm = avx2::rms_norm,
    .layer_norm = avx2::layer_norm,
    .linear = avx2::linear,
    .absorb_query = avx2::absorb_query,
    .expand_value = avx2::expand_value,
    .rope = avx2::rope,
    .swiglu = avx2::swiglu,
    .add_rows = avx2::add_rows,
    .gate = ref::gate,
    .cache_write = avx2::cache_write,
    .indexer_scores = avx2::indexer_scores,
    .indexer_select = avx2::indexer_select,
    .attention = avx2::attention,
    .packed_bytes = avx2::packed_bytes,
    .pack = avx2::pack,
};

}  // namespace dsa
