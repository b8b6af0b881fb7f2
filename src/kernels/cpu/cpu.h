// Vectorised families: one body per op (*.inl), compiled once per instruction set.
#pragma once

#include <optional>
#include <string>

#include "kernels/registry.h"

namespace dsa {

extern const KernelTable kAvx2Kernels;
/// AVX-512 with VNNI: block products summed in 32 bits, everything else in float32 as avx2.
extern const KernelTable kAvx512Kernels;
/// And attention and the indexer over a BF16 cache in BF16 products.
extern const KernelTable kAvx512Bf16Kernels;

/// Why this machine cannot run the family, or nullopt.
std::optional<std::string> refuse_avx2();
std::optional<std::string> refuse_avx512();
std::optional<std::string> refuse_avx512_bf16();

}  // namespace dsa
