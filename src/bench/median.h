// What repeated measurements say.
#pragma once

#include <span>

namespace dsa {

struct MedianAndRange {
  double median = 0;
  double min = 0;
  double max = 0;
};

/// Of at least one value; the median of an even number is the mean of the middle two.
MedianAndRange median_and_range(std::span<const double> values);

}  // namespace dsa
