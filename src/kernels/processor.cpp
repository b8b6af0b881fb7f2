#include "kernels/processor.h"

#include <algorithm>

namespace dsa {
namespace {

/// Intel's processors with Golden Cove's vector units: Sapphire Rapids (measured: 178 GFLOP/s by VDPBF16PS,
/// 360 by FMA in float32, two threads), Emerald Rapids, Granite Rapids and Granite Rapids D.
constexpr int kGoldenCove[] = {0x8F, 0xCF, 0xAD, 0xAE};

bool has_slow_bf16(const Processor& p) {
  return p.vendor == "GenuineIntel" && p.family == 6 && std::ranges::count(kGoldenCove, p.model) > 0;
}

}  // namespace

std::optional<std::string> refusal(const Processor& p, std::string_view family) {
  if (family == "ref") return std::nullopt;
  if (!p.avx2) return "this processor has no AVX2, FMA and F16C";
  if (family == "avx2") return std::nullopt;
  if (!p.avx512) return "this processor has no AVX-512 with VNNI";
  if (family == "avx512") return std::nullopt;
  if (!p.avx512_bf16) return "this processor has no AVX-512 with BF16 products and VBMI";
  if (family == "avx512_bf16" || family == "amx-emulated") return std::nullopt;
  if (!p.amx) return "this processor has no AMX with BF16 and int8 products";
  if (!p.amx_denied.empty()) return p.amx_denied;
  return std::nullopt;
}

FamilyOrder family_order(const Processor& p) {
  if (has_slow_bf16(p))
    return {{"amx", "avx512", "avx512_bf16", "avx2", "ref"},
            "AMX first, and avx512 before avx512_bf16: VDPBF16PS has half the rate of FMA here"};
  return {{"amx", "avx512_bf16", "avx512", "avx2", "ref"}, "the widest products that this processor has"};
}

}  // namespace dsa
