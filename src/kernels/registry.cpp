#include "kernels/registry.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "kernels/cpu/cpu.h"

namespace dsa {
namespace {

constexpr std::array<const KernelTable*, 4> kFamilies{&kAvx512Bf16Kernels, &kAvx512Kernels, &kAvx2Kernels,
                                                      &kRefKernels};

/// "ref, avx2": what can run here.
std::string list_runnable() {
  std::string list;
  for (const KernelTable* table : runnable()) {
    if (!list.empty()) list += ", ";
    list += table->name;
  }
  return list;
}

}  // namespace

std::span<const KernelTable* const> all_kernels() { return kFamilies; }

std::span<const KernelTable* const> runnable() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> out;
    std::copy_if(kFamilies.begin(), kFamilies.end(), std::back_inserter(out),
                 [](const KernelTable* table) { return !table->refuse().has_value(); });
    return out;
  }();
  return tables;
}

const KernelTable& kernels_named(std::string_view name) {
  for (const KernelTable* table : all_kernels()) {
    if (table->name != name) continue;
    if (const auto reason = table->refuse())
      fail("kernels: {} cannot run on this machine: {}; what can run: {}", name, *reason, list_runnable());
    return *table;
  }
  fail("kernels: there is no family '{}'; what can run: {}", printable(name), list_runnable());
}

const KernelTable& choose_kernels() {
  const std::string wanted = env_or("DSA_KERNELS", "");
  if (wanted.empty()) return *runnable().front();
  try {
    return kernels_named(wanted);
  } catch (const Error& error) {
    fail("DSA_KERNELS={}: {}", printable(wanted), error.what());
  }
}

}  // namespace dsa
