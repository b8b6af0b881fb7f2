#include "bench/median.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace dsa {

MedianAndRange median_and_range(std::span<const double> values) {
  DSA_CHECK(!values.empty());
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  const std::size_t half = sorted.size() / 2;
  const double median = sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return {.median = median, .min = sorted.front(), .max = sorted.back()};
}

}  // namespace dsa
