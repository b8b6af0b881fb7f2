// Where AVX does not exist: the tables say so and are never chosen.
#include "kernels/cpu/cpu.h"
#include "kernels/processor.h"

namespace dsa {
namespace {

std::optional<std::string> refuse_avx2() { return "this build is for a processor without AVX2"; }
std::optional<std::string> refuse_avx512() { return "this build is for a processor without AVX-512"; }
std::optional<std::string> refuse_amx() { return "this build is for a processor without AMX"; }

}  // namespace

const Processor& this_processor() {
  static const Processor none;
  return none;
}

constinit const KernelTable kAvx2Kernels{.name = "avx2", .refuse = refuse_avx2};
constinit const KernelTable kAvx512Kernels{.name = "avx512", .refuse = refuse_avx512};
constinit const KernelTable kAvx512Bf16Kernels{.name = "avx512_bf16", .refuse = refuse_avx512};
constinit const KernelTable kAmxKernels{.name = "amx", .refuse = refuse_amx};
constinit const KernelTable kAmxEmulatedKernels{.name = "amx-emulated", .refuse = refuse_amx};

namespace amx {
constinit const SquareProbe kProbe{};
}
namespace amx_emulated {
constinit const SquareProbe kProbe{};
}

}  // namespace dsa
