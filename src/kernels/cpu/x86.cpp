// The vectorised families' tables.  Their ops are compiled once a family (families.cmake), each file in a
// region of its own (vec/<family>/begin.h).
#include <cpuid.h>

#include "kernels/cpu/cpu.h"
#include "kernels/ref/ref.h"

namespace dsa {
namespace avx2 {
#include "kernels/cpu/ops.h"
#include "kernels/cpu/table.h"
}  // namespace avx2
namespace avx512 {
#include "kernels/cpu/ops.h"
#include "kernels/cpu/table.h"
}  // namespace avx512
namespace avx512_bf16 {
#include "kernels/cpu/ops.h"
}  // namespace avx512_bf16

namespace {

// clang 16's __builtin_cpu_supports does not know "f16c".
bool has_f16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

std::optional<std::string> refuse_avx2() {
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) return std::nullopt;
  return "this processor has no AVX2, FMA and F16C";
}

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

}  // namespace

constinit const KernelTable kAvx2Kernels = avx2::kernels("avx2", refuse_avx2);

constinit const KernelTable kAvx512Kernels = avx512::kernels("avx512", refuse_avx512);

constinit const KernelTable kAvx512Bf16Kernels = [] {
  KernelTable table = avx512::kernels("avx512_bf16", refuse_avx512_bf16);
  table.bf16_products = true;
  table.linear = avx512_bf16::linear;
  table.indexer_select = avx512_bf16::indexer_select;
  table.attention = avx512_bf16::attention;
  return table;
}();

}  // namespace dsa
