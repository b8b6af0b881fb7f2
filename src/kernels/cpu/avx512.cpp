// The AVX-512 families' tables.  Their ops stand in avx512_*.cpp, each
// in a region of its own (avx512/begin.h).
#include "kernels/cpu/cpu.h"
#include "kernels/ref/ref.h"

namespace dsa {
namespace avx512 {
#include "kernels/cpu/ops.h"
}  // namespace avx512
namespace avx512_bf16 {
#include "kernels/cpu/ops.h"
}  // namespace avx512_bf16

std::optional<std::string> refuse_avx512() {
  if (refuse_avx2()) return refuse_avx2();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("bmi2"))
    return std::nullopt;
  return "this processor has no AVX-512 with VNNI";
}

std::optional<std::string> refuse_avx512_bf16() {
  if (refuse_avx512()) return refuse_avx512();
  if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi")) return std::nullopt;
  return "this processor has no AVX-512 with BF16 products and VBMI";
}

constexpr KernelTable kAvx512Kernels{
    .name = "avx512",
    .embedding = avx512::embedding,
    .rms_norm = avx512::rms_norm,
    .layer_norm = avx512::layer_norm,
    .linear = avx512::linear,
    .absorb_query = avx512::absorb_query,
    .expand_value = avx512::expand_value,
    .rope = avx512::rope,
    .swiglu = avx512::swiglu,
    .add_rows = avx512::add_rows,
    .gate = ref::gate,
    .cache_write = avx512::cache_write,
    .indexer_scores = avx512::indexer_scores,
    .indexer_select = avx512::indexer_select,
    .attention = avx512::attention,
    .packed_bytes = avx512::packed_bytes,
    .pack = avx512::pack,
};

constinit const KernelTable kAvx512Bf16Kernels = [] {
  KernelTable table = kAvx512Kernels;
  table.name = "avx512_bf16";
  table.bf16_products = true;
  table.linear = avx512_bf16::linear;
  table.indexer_scores = avx512_bf16::indexer_scores;
  table.indexer_select = avx512_bf16::indexer_select;
  table.attention = avx512_bf16::attention;
  return table;
}();

}  // namespace dsa
