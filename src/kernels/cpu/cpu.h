// Vectorised families: one body per op (*.inl), compiled once per instruction set.
#pragma once

#include <optional>
#include <string>

#include "kernels/registry.h"

namespace dsa {

extern const KernelTable kAvx2Kernels;

/// Why this machine cannot run the family, or nullopt.
std::optional<std::string> refuse_avx2();

}  // namespace dsa
