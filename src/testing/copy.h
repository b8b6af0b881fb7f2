// For tests: what a span holds now, to be compared with what it holds later.
#pragma once

#include <span>
#include <vector>

namespace dsa::test {

inline std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace dsa::test
