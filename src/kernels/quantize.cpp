#include "kernels/quantize.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace dsa {
namespace {

/// max |x|; NaN if there is one.
float largest_magnitude(std::span<const float> x) {
  float largest = 0;
  for (const float v : x) {
    const float magnitude = std::fabs(v);
    if (!(magnitude <= largest)) largest = std::isnan(largest) ? largest : magnitude;
  }
  return largest;
}

/// The smallest power of two >= v, for finite v > 0.
float power_of_two_at_least(float v) {
  int exponent = 0;
  const float mantissa = std::frexp(v, &exponent);  // v = mantissa * 2^exponent, mantissa in [0.5, 1)
  return std::ldexp(1.0F, mantissa > 0.5F ? exponent : exponent - 1);
}

}  // namespace

float q8_row(std::span<const float> x, std::span<std::int8_t> q) {
  DSA_DCHECK(q.size() == x.size());
  const float d = largest_magnitude(x) / 127.0F;
  const bool usable = d > 0 && std::isfinite(d);
  // The clamp matters where d is subnormal, so coarse that max|x| / d passes 127.
  for (std::size_t i = 0; i < x.size(); ++i)
    q[i] = static_cast<std::int8_t>(usable ? std::clamp(std::round(x[i] / d), -127.0F, 127.0F) : 0.0F);
  return d;
}

void q8_blocks(std::span<const float> x, std::span<std::int8_t> q, std::span<float> scale,
               std::span<float> sum) {
  DSA_DCHECK(x.size() % kQ8Block == 0 && q.size() == x.size());
  for (std::size_t block = 0; block < x.size() / kQ8Block; ++block) {
    const auto out = q.subspan(block * kQ8Block, kQ8Block);
    scale[block] = q8_row(x.subspan(block * kQ8Block, kQ8Block), out);
    sum[block] = scale[block] * static_cast<float>(std::accumulate(out.begin(), out.end(), 0));
  }
}

float aside_limit(std::span<const float> x) {
  float sum = 0;
  for (const float v : x) sum += v * v;
  return kAsideRms * std::sqrt(sum / static_cast<float>(x.size()));
}

std::int64_t set_aside(std::span<const float> x, float limit, std::int32_t row, std::int64_t k,
                       std::span<float> rest, std::span<Aside> out) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool aside = std::fabs(x[i]) > limit && count < out.size();
    if (aside)
      out[count++] = {
          .row = row, .k = static_cast<std::int32_t>(k) + static_cast<std::int32_t>(i), .x = x[i]};
    rest[i] = aside ? 0 : x[i];
  }
  return static_cast<std::int64_t>(count);
}

void sort_asides(std::span<Aside> asides) {
  std::ranges::sort(asides,
                    [](const Aside& a, const Aside& b) { return a.k != b.k ? a.k < b.k : a.row < b.row; });
}

void act_quant(std::span<const float> x, std::span<float> y) {
  for (std::size_t first = 0; first < x.size(); first += kScaleBlock) {
    const auto in = x.subspan(first, std::min<std::size_t>(kScaleBlock, x.size() - first));
    float amax = 1e-4F;
    for (const float v : in) amax = std::fmax(amax, std::fabs(v));  // fmax passes over NaN
    const float ratio = amax / 448.0F;
    const float scale = std::isfinite(ratio) ? power_of_two_at_least(ratio) : ratio;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const float scaled = in[i] / scale;
      y[first + i] = std::isnan(scaled) ? scaled : e4m3_to_float(float_to_e4m3(scaled)) * scale;
    }
  }
}

void hadamard(std::span<float> x) {
  DSA_DCHECK(std::has_single_bit(x.size()));
  for (std::size_t half = 1; half < x.size(); half *= 2)
    for (std::size_t start = 0; start < x.size(); start += 2 * half)
      for (std::size_t i = start; i < start + half; ++i) {
        const float a = x[i];
        const float b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
  const float norm = 1.0F / std::sqrt(static_cast<float>(x.size()));
  for (float& v : x) v *= norm;
}

}  // namespace dsa
