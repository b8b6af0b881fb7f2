// The arithmetic of Compute::automatic for ggml blocks, one formula for every type.
//
// Every type is seen in units of 32 weights, the size of an int8 block of activations (q8_blocks()).  A unit
// has two halves of 16 with integer scales and minimums of their own:
//   w[i] = (d * scale[i / 16]) * q[i] + m * min[i / 16]          bit for bit what dequantize() gives
// and its product with an int8 block (xq, dx) is, with isum and msum exact in int32,
//   isum = sum_half scale[half] * sum_i q[i] * xq[i]
//   msum = sum_half min[half] * sum_i xq[i]
//   dot  = dx * d * isum + dx * m * msum
// Where both minimums are equal dx * msum is the block's `sum` times that minimum: the same number up to
// float rounding.  |isum| < 2^24 for every type, so its conversion to float is exact as well.
// Layouts: ggml-common.h (block_q4_0 ... block_q6_K).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/quantize.h"
#include "kernels/types.h"

namespace dsa {

struct QuantUnit {
  std::array<std::int8_t, 32> q{};
  float d = 0;
  float m = 0;  // with its sign: minus dmin for the K types
  std::array<std::int32_t, 2> scale{1, 1};
  std::array<std::int32_t, 2> min{0, 0};
};

/// Weights [32 * unit, 32 * unit + 32) of a row of ggml blocks of `type` at `row` (unaligned).
QuantUnit unpack_unit(DType type, const std::byte* row, std::int64_t unit);

/// The unit times one int8 block of activations.
inline float unit_dot(const QuantUnit& w, std::span<const std::int8_t, 32> xq, float dx) {
  std::int32_t isum = 0;
  std::int32_t msum = 0;
  for (std::size_t half = 0; half < 2; ++half) {
    std::int32_t products = 0;
    std::int32_t total = 0;
    for (std::size_t i = 16 * half; i < 16 * half + 16; ++i) {
      products += w.q[i] * xq[i];
      total += xq[i];
    }
    isum += w.scale[half] * products;
    msum += w.min[half] * total;
  }
  return dx * w.d * static_cast<float>(isum) + dx * w.m * static_cast<float>(msum);
}

}  // namespace dsa
