// How a learning rate goes over a training.
#pragma once

#include <cstdint>

namespace dsa::train {

/// Steps over which the learning rate rises.
inline constexpr std::int64_t kRisingSteps = 10;

/// A learning rate's way: a linear rise of `rise` steps up to `peak`,
/// and half a cosine down to `last` times it.
struct Course {
  double peak = 0;
  std::int64_t rise = 1;
  double last = 0;
};
double rate_at(const Course& course, std::int64_t step, double progress);

/// `peak` after a linear rise of kRisingSteps steps, and half a cosine down to a thousandth of it.
double learning_rate(double peak, std::int64_t step, double progress);

}  // namespace dsa::train
