// Rounding of activations: one definition, in scalar C++, of the formats that Compute::automatic uses.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/types.h"

namespace dsa {

/// int8 block of 32: scale = max|x| / 127, q = round-half-away(x / scale) clamped to +-127 (0 if scale
/// is 0 or not finite).
/// Non-finite x gives a non-finite scale, so that it reaches the output and is noticed there.
inline constexpr std::int64_t kQ8Block = 32;
/// x.size() is a multiple of 32; q has x.size(), scale and sum x.size() / 32 elements.
/// sum = scale * (sum of q).
void q8_blocks(std::span<const float> x, std::span<std::int8_t> q, std::span<float> scale,
               std::span<float> sum);

/// inference/kernel.py act_quant with scale_fmt "ue8m0": per 128 elements (the last group may be shorter)
/// amax = max(max|x|, 1e-4), scale = 2^ceil(log2(amax / 448)), y = e4m3(clamp(x / scale, +-448)) * scale, as
/// float. y may alias x.  NaN stays NaN.
void act_quant(std::span<const float> x, std::span<float> y);

/// y = Hadamard transform of x (size a power of two) times size^-1/2, in place: orthogonal and symmetric.
void hadamard(std::span<float> x);

}  // namespace dsa
