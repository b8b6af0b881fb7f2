// Gradients of keys and values, to which many query rows add: summed in parts, then the parts in order, so
// that a sum depends on the rows alone and never on the number of threads.
#pragma once

#include <cstdint>

#include "exec/exec.h"
#include "kernels/rows/row_kernels.h"

namespace dsa {

/// `count` parts of `size` floats lie `stride` floats apart from `parts` on: out := their sum.
void sum_parts(Exec& exec, const RowKernels& kernels, const float* parts, std::int64_t count,
               std::int64_t stride, std::int64_t size, float* out);

}  // namespace dsa
