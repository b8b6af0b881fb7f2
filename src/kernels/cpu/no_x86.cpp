// Where AVX does not exist: the tables say so and are never chosen.
#include "kernels/cpu/cpu.h"

namespace dsa {

const KernelTable kAvx2Kernels{.name = "avx2"};
const KernelTable kAvx512Kernels{.name = "avx512"};
const KernelTable kAvx512Bf16Kernels{.name = "avx512_bf16"};

std::optional<std::string> refuse_avx2() { return "this build is for a processor without AVX2"; }
std::optional<std::string> refuse_avx512() { return "this build is for a processor without AVX-512"; }
std::optional<std::string> refuse_avx512_bf16() { return refuse_avx512(); }

}  // namespace dsa
