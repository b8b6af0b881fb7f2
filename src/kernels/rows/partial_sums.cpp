#include "kernels/rows/partial_sums.h"

#include <algorithm>

namespace dsa {

void sum_parts(Exec& exec, const RowKernels& kernels, const float* parts, std::int64_t count,
               std::int64_t stride, std::int64_t size, float* out) {
  constexpr std::int64_t kGrain = 4096;  // floats: a part of the first-level cache
  exec.parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
    std::copy_n(parts + begin, end - begin, out + begin);
    for (std::int64_t p = 1; p < count; ++p)
      kernels.add_scaled(parts + p * stride + begin, 1.0F, end - begin, out + begin);
  });
}

}  // namespace dsa
