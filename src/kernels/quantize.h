// Rounding of activations: one definition, in scalar C++, of the formats that Compute::automatic uses.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/types.h"

namespace dsa {

/// int8: scale = max|x| / 127, q = round-half-away(x / scale) clamped to +-127 (0 if scale is 0 or not
/// finite).
/// Non-finite x gives a non-finite scale, so that it reaches the output and is noticed there.  q has x.size()
/// elements; returns the scale.
float q8_row(std::span<const float> x, std::span<std::int8_t> q);

/// The same in blocks of 32.
inline constexpr std::int64_t kQ8Block = 32;
/// x.size() is a multiple of 32; q has x.size(), scale and sum x.size() / 32 elements.
/// sum = scale * (sum of q).
void q8_blocks(std::span<const float> x, std::span<std::int8_t> q, std::span<float> scale,
               std::span<float> sum);

/// An element that is not rounded with the others of its row: it is so large that the others of its block
/// would be lost beside it. Its products are float32's.
struct Aside {
  std::int32_t row, k;
  float x;
};
/// How many times the root mean square of a row an element may be to be rounded.
inline constexpr float kAsideRms = 6;
/// Not even a 36th of a row can be larger than 6 times its root mean square.
constexpr std::int64_t most_asides(std::int64_t cols) { return cols / 32; }

/// kAsideRms times the root mean square of a row; NaN or infinite, so that nothing is larger, if that is.
float aside_limit(std::span<const float> x);
/// Copies x with 0 in place of what is larger than limit to `rest`, and that to `out`, as much as it holds:
/// element i of x is k + i of row `row`. Returns how many.
std::int64_t set_aside(std::span<const float> x, float limit, std::int32_t row, std::int64_t k,
                       std::span<float> rest, std::span<Aside> out);
/// By k, then by row.
void sort_asides(std::span<Aside> asides);

/// inference/kernel.py act_quant with scale_fmt "ue8m0": per 128 elements (the last group may be shorter)
/// amax = max(max|x|, 1e-4), scale = 2^ceil(log2(amax / 448)), y = e4m3(clamp(x / scale, +-448)) * scale, as
/// float. y may alias x.  NaN stays NaN.
void act_quant(std::span<const float> x, std::span<float> y);

/// y = Hadamard transform of x (size a power of two) times size^-1/2, in place: orthogonal and symmetric.
void hadamard(std::span<float> x);

}  // namespace dsa
