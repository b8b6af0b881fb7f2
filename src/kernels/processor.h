// Which kernel families a processor can run, and in which order they are preferred: a written rule, never a
// measurement, which could change the bits of an answer from one start to the next.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace dsa {

/// What the rule goes by.
struct Processor {
  std::string vendor;  // CPUID's: "GenuineIntel", "AuthenticAMD"
  int family = 0;      // with the extended parts added, as /proc/cpuinfo shows them
  int model = 0;
  bool avx2 = false;         // with FMA and F16C
  bool avx512 = false;       // F, BW, DQ, VL and VNNI, and BMI2
  bool avx512_bf16 = false;  // and VBMI
  bool amx = false;          // tiles, BF16 and int8 products
  std::string amx_denied;    // why the system lends no tiles; empty: it does
};

/// The one that this process runs on.  Asks the system for AMX's registers, once.
const Processor& this_processor();

/// Why it cannot run the family ("ref", "avx2", "avx512", "avx512_bf16", "amx", "amx-emulated"), or nullopt.
std::optional<std::string> refusal(const Processor& processor, std::string_view family);

struct FamilyOrder {
  std::array<std::string_view, 5> names;  // best first
  std::string_view reason;
};
/// The order in which families are preferred, of those that run.
FamilyOrder family_order(const Processor& processor);

}  // namespace dsa
