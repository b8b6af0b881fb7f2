// For tests: the row kernels that this machine runs.
#pragma once

#include <algorithm>
#include <vector>

#include "base/rng.h"
#include "kernels/registry.h"
#include "kernels/rows/row_kernels.h"

namespace dsa::test {

inline std::vector<const RowKernels*> runnable_rows() {
  std::vector<const RowKernels*> out;
  for (const KernelTable* family : runnable())
    if (std::find(out.begin(), out.end(), family->rows) == out.end()) out.push_back(family->rows);
  return out;
}

/// Numbers between -3 and 3 to compute with.
inline std::vector<float> random(std::int64_t count, std::uint64_t seed) {
  const CounterRng rng(seed);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(3 * (2 * rng.unit(i) - 1));
  return out;
}

}  // namespace dsa::test
