// Vectorised families: one body per op (ops/*.inl), compiled once per instruction set.
#pragma once

#include "kernels/cpu/amx.h"
#include "kernels/registry.h"

namespace dsa {

extern const KernelTable kAvx2Kernels;
/// AVX-512 with VNNI: block products summed in 32 bits, everything else in float32 as avx2.
extern const KernelTable kAvx512Kernels;
/// And attention and the indexer over a BF16 cache, and products with FP8 weights, in BF16 products.
extern const KernelTable kAvx512Bf16Kernels;
/// And attention and the indexer over a BF16 cache by AMX (kernels/cpu/amx.h).
extern const KernelTable kAmxKernels;
/// The same bits as kAmxKernels without AMX, slowly, for tests: "amx-emulated" is never chosen nor listed.
extern const KernelTable kAmxEmulatedKernels;

}  // namespace dsa
