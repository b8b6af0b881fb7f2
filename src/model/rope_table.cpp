#include "model/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kernels/registry.h"

namespace dsa {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept, those between blended.
double llama3_frequency(const RopeConfig& c, double f, double original) {
  const double wavelength = kTwoPi / f;
  if (wavelength > original / c.low_freq_factor) return f / c.factor;
  if (wavelength < original / c.high_freq_factor) return f;
  const double keep = (original / wavelength - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
  return (1 - keep) * f / c.factor + keep * f;
}

// The pair that turns `rotations` times over the original length.
double yarn_pair(double rotations, double dim, double theta, double original) {
  return dim * std::log(original / (rotations * kTwoPi)) / (2 * std::log(theta));
}

struct YarnRamp {
  double low, high;

  YarnRamp(const RopeConfig& c, std::int64_t dim, double original) {
    const auto d = static_cast<double>(dim);
    low = yarn_pair(c.beta_fast, d, c.theta, original);
    high = yarn_pair(c.beta_slow, d, c.theta, original);
    if (c.truncate) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, d - 1);
    if (low == high) high += 0.001;
  }
  // 0: keep the frequency, 1: divide it by the factor.
  [[nodiscard]] double at(std::int64_t pair) const {
    return std::clamp((static_cast<double>(pair) - low) / (high - low), 0.0, 1.0);
  }
};

double yarn_magnitude(const RopeConfig& c) {
  if (c.attention_factor) return *c.attention_factor;
  if (c.mscale != 0 && c.mscale_all_dim != 0)
    return yarn_mscale(c.factor, c.mscale) / yarn_mscale(c.factor, c.mscale_all_dim);
  return yarn_mscale(c.factor, 1);
}

}  // namespace

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

RopeTable::RopeTable(const RopeConfig& config, std::int64_t dim, std::int64_t max_positions) {
  DSA_CHECK(dim > 0 && dim % 2 == 0);
  const auto original = static_cast<double>(
      config.original_max_position_embeddings > 0 ? config.original_max_position_embeddings : max_positions);
  const YarnRamp ramp(config, dim, original);
  const auto& factors = config.freq_factors;
  if (!factors.empty() && static_cast<std::int64_t>(factors.size()) != dim / 2)
    fail(
        "rope: the model's {} frequency factors (rope_freqs.weight) do not fit a rotary width of {}; "
        "open the model's Hugging Face folder instead",
        factors.size(), dim);
  for (std::int64_t i = 0; i < dim / 2; ++i) {
    double f = std::pow(config.theta, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
    switch (config.type) {
      case RopeConfig::Type::plain:
        break;
      case RopeConfig::Type::linear:
        f /= config.factor;
        break;
      case RopeConfig::Type::llama3:
        f = llama3_frequency(config, f, original);
        break;
      case RopeConfig::Type::yarn:
        f = f * (1 - ramp.at(i)) + f / config.factor * ramp.at(i);
        break;
    }
    if (!factors.empty()) f /= static_cast<double>(factors[static_cast<std::size_t>(i)]);
    frequencies_.push_back(static_cast<float>(f));
  }
  if (config.type == RopeConfig::Type::yarn) magnitude_ = static_cast<float>(yarn_magnitude(config));
}

void RopeTable::fill(std::span<const std::int64_t> positions, TensorView<float, 2> out) const {
  Exec exec(1);
  kRefKernels.rope_angles(exec, angles(positions, out.slice(0, std::ssize(positions))));
}

}  // namespace dsa
