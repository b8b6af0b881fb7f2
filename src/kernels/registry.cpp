#include "kernels/registry.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "kernels/cpu/cpu.h"
#include "kernels/processor.h"

namespace dsa {
namespace {

constexpr std::array<const KernelTable*, 5> kFamilies{&kAmxKernels, &kAvx512Bf16Kernels, &kAvx512Kernels,
                                                      &kAvx2Kernels, &kRefKernels};

/// The setting that names a family, or "".
std::string forced() { return env_or("DSA_KERNELS", ""); }

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

std::span<const KernelTable* const> all_kernels() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> out;
    for (const std::string_view name : family_order(this_processor()).names)
      out.push_back(*std::ranges::find(kFamilies, name, &KernelTable::name));
    return out;
  }();
  return tables;
}

std::span<const KernelTable* const> runnable() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> out;
    std::ranges::copy_if(all_kernels(), std::back_inserter(out),
                         [](const KernelTable* table) { return !table->refuse().has_value(); });
    return out;
  }();
  return tables;
}

const KernelTable& kernels_named(std::string_view name) {
  std::vector<const KernelTable*> known(all_kernels().begin(), all_kernels().end());
  known.push_back(&kAmxEmulatedKernels);
  for (const KernelTable* table : known) {
    if (table->name != name) continue;
    if (const auto reason = table->refuse())
      fail("kernels: {} cannot run on this machine: {}; what can run: {}", name, *reason, list_runnable());
    return *table;
  }
  fail("kernels: there is no family '{}'; what can run: {}", printable(name), list_runnable());
}

const KernelTable& choose_kernels() {
  const std::string wanted = forced();
  if (wanted.empty()) return *runnable().front();
  try {
    return kernels_named(wanted);
  } catch (const Error& error) {
    fail("DSA_KERNELS={}: {}", printable(wanted), error.what());
  }
}

std::string_view why_chosen() {
  return forced().empty() ? family_order(this_processor()).reason : "DSA_KERNELS names it";
}

}  // namespace dsa
