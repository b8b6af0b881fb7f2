#include "eval/softmax.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace dsa {
namespace {

constexpr std::size_t kLanes = 16;  // partial results: more than any register holds

// exp of x <= 0, without a branch.  n is x / ln 2 to the nearest whole number, 2^n times
// exp of the rest by Cephes' polynomial.
inline float exp_below_zero(float x) {
  constexpr float kLog2E = 1.44269504088896F, kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: a float near it is a whole number, in its low bits
  // At least -100, on the bits: a comparison of floats, which might trap, would not be vectorised.
  constexpr auto kLeast = std::bit_cast<std::int32_t>(-100.0F);
  const std::int32_t bits = std::bit_cast<std::int32_t>(x) | INT32_MIN;
  x = std::bit_cast<float>(bits < kLeast ? bits : kLeast);

  const float shifted = x * kLog2E + kRound, whole = shifted - kRound;
  const float r = (x - whole * kLn2High) - whole * kLn2Low;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::int32_t n = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const std::int32_t power = (n + 127) << 23;
  return std::bit_cast<float>(n < -126 ? 0 : power) * p;
}

// fold(partial[l], value) for every value of lane l; what is left over goes to lane 0.
template <class T, class Fold>
std::array<T, kLanes> by_lane(std::span<const float> values, T start, Fold fold) {
  std::array<T, kLanes> lanes;
  lanes.fill(start);
  std::size_t s = 0;
  for (; s + kLanes <= values.size(); s += kLanes)
    for (std::size_t l = 0; l < kLanes; ++l) lanes[l] = fold(lanes[l], values[s + l]);
  for (; s < values.size(); ++s) lanes[0] = fold(lanes[0], values[s]);
  return lanes;
}

}  // namespace

double exponentials(std::span<float> values) {
  const auto tops = by_lane(values, values[0], [](float a, float b) { return a < b ? b : a; });
  const float top = *std::ranges::max_element(tops);
  for (float& value : values) value = exp_below_zero(value - top);
  double sum = 0;
  for (const float part : by_lane(values, 0.0F, [](float a, float b) { return a + b; }))
    sum += static_cast<double>(part);
  return sum;
}

}  // namespace dsa
