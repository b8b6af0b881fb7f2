// For tests: the row kernels that this machine runs.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/registry.h"
#include "train/row_kernels.h"

namespace dsa::train {

inline std::vector<const RowKernels*> runnable_rows() {
  std::vector<const RowKernels*> out;
  for (const KernelTable* family : runnable()) {
    const RowKernels* rows = &row_kernels_for(family->name);
    if (std::find(out.begin(), out.end(), rows) == out.end()) out.push_back(rows);
  }
  return out;
}

}  // namespace dsa::train
