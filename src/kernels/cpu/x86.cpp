// The vectorised families' tables.  Their ops are compiled once a family (families.cmake), each file in a
// region of its own (vec/<family>/begin.h).
#include <cpuid.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/side_cells.h"
#include "kernels/processor.h"
#include "kernels/ref/ref.h"
#include "kernels/rows/pair_kernels.h"

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
extern const PairKernels kPairs;
}  // namespace avx512_bf16
namespace amx {
#include "kernels/cpu/ops.h"
}  // namespace amx
namespace amx_emulated {
#include "kernels/cpu/ops.h"
}  // namespace amx_emulated

namespace {

struct Cpuid {
  unsigned a = 0, b = 0, c = 0, d = 0;
  explicit Cpuid(unsigned leaf, unsigned subleaf = 0) {
    if (__get_cpuid_count(leaf, subleaf, &a, &b, &c, &d) == 0) a = b = c = d = 0;
  }
};
bool bit(unsigned word, int i) { return ((word >> i) & 1U) != 0; }

/// True if the system saves the registers of tiles at all (XCR0); only to be asked where there are tiles.
bool saves_tiles() {
  if (!bit(Cpuid(1).c, 27)) return false;  // no XGETBV
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return bit(low, 17) && bit(low, 18);
}

/// Asks Linux for the data of tiles, for all threads of the process.  Why not, or "".
std::string ask_for_tiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM (asm/prctl.h)
  if (!saves_tiles()) return "the system does not save AMX's registers";
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0) return "";
  return fmt::format("the system lends no AMX registers (arch_prctl ARCH_REQ_XCOMP_PERM: {})",
                     std::strerror(errno));
}

Processor look() {
  Processor p;
  const Cpuid first(0), signature(1), seventh(7);
  for (const unsigned part : {first.b, first.d, first.c})
    p.vendor.append(reinterpret_cast<const char*>(&part), sizeof part);
  const unsigned family = (signature.a >> 8) & 15, model = (signature.a >> 4) & 15;
  p.family = static_cast<int>(family == 15 ? family + ((signature.a >> 20) & 255) : family);
  p.model = static_cast<int>(family == 6 || family == 15 ? model + ((signature.a >> 12) & 0xF0) : model);
  // clang 16's __builtin_cpu_supports does not know "f16c".
  p.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && bit(signature.c, 29);
  p.avx512 = p.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("bmi2");
  p.avx512_bf16 = p.avx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi");
  p.amx = bit(seventh.d, 22) && bit(seventh.d, 24) && bit(seventh.d, 25);
  if (p.amx) p.amx_denied = ask_for_tiles();
  if (p.amx && p.amx_denied.empty() && p.avx512_bf16 && !same_products(amx::kProbe, amx_emulated::kProbe))
    p.amx_denied = "its AMX products have other bits than their emulation: please report this processor";
  return p;
}

}  // namespace

const Processor& this_processor() {
  static const Processor processor = look();
  return processor;
}

constinit const KernelTable kAvx2Kernels =
    avx2::kernels("avx2", [] { return refusal(this_processor(), "avx2"); });

constinit const KernelTable kAvx512Kernels =
    avx512::kernels("avx512", [] { return refusal(this_processor(), "avx512"); });

namespace {

constexpr KernelTable with_bf16(std::string_view name, std::optional<std::string> (*refuse)()) {
  KernelTable table = avx512::kernels(name, refuse);
  table.bf16_products = true;
  table.pairs = &avx512_bf16::kPairs;
  table.linear = avx512_bf16::linear;
  table.absorb_query = avx512_bf16::absorb_query;
  table.expand_value = avx512_bf16::expand_value;
  table.indexer_select = avx512_bf16::indexer_select;
  table.attention = avx512_bf16::attention;
  return table;
}

}  // namespace

constinit const KernelTable kAvx512Bf16Kernels =
    with_bf16("avx512_bf16", [] { return refusal(this_processor(), "avx512_bf16"); });

constinit const KernelTable kAmxKernels = [] {
  KernelTable table = with_bf16("amx", [] { return refusal(this_processor(), "amx"); });
  table.linear = amx::linear;
  table.absorb_query = amx::absorb_query;
  table.expand_value = amx::expand_value;
  table.indexer_select = amx::indexer_select;
  table.attention = amx::attention;
  return table;
}();

constinit const KernelTable kAmxEmulatedKernels = [] {
  KernelTable table = with_bf16("amx-emulated", [] { return refusal(this_processor(), "amx-emulated"); });
  table.linear = amx_emulated::linear;
  table.absorb_query = amx_emulated::absorb_query;
  table.expand_value = amx_emulated::expand_value;
  table.indexer_select = amx_emulated::indexer_select;
  table.attention = amx_emulated::attention;
  return table;
}();

}  // namespace dsa
