// Softmax over long rows, written so that a compiler vectorises it for any machine: evaluation takes
// thousands of millions of exponentials.
#pragma once

#include <span>

namespace dsa {

/// values[s] = exp(values[s] - highest) within 2e-7 of itself (0 below exp(-87)); returns what they sum to.
/// At least one value, all finite.
double exponentials(std::span<float> values);

}  // namespace dsa
