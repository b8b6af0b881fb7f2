#include "train/loop/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dsa::train {
namespace {

constexpr double kLowestShare = 1e-3;  // of the peak

}  // namespace

double rate_at(const Course& course, std::int64_t step, double progress) {
  const double rise = std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(course.rise));
  const double fall = 0.5 + 0.5 * std::cos(std::numbers::pi * std::clamp(progress, 0.0, 1.0));
  return course.peak * rise * (course.last + (1 - course.last) * fall);
}

double learning_rate(double peak, std::int64_t step, double progress) {
  return rate_at({.peak = peak, .rise = kRisingSteps, .last = kLowestShare}, step, progress);
}

}  // namespace dsa::train
