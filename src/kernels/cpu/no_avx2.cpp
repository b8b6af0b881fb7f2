// Where AVX2 does not exist: the table says so and is never chosen.
#include "kernels/cpu/cpu.h"

namespace dsa {

const KernelTable kAvx2Kernels{.name = "avx2"};

std::optional<std::string> refuse_avx2() { return "this build is for a processor without AVX2"; }

}  // namespace dsa
