// Activations as products with repacked ggml blocks read them.
#pragma once

#include <cstdint>

namespace dsa {

/// 32 activations rounded to int8 (q8_blocks()), with the sums that offsets and minima of weights need.
struct alignas(64) XBlock {
  std::int8_t q[32];
  float d;                 // x = d q
  float s;                 // d * (q0 + q1)
  std::int32_t q01;        // sum of q
  std::int32_t half_q[2];  // sums of q[0 .. 16) and q[16 .. 32)
  float half_s[2];         // d * half_q
  std::int32_t unused = 0;
};
static_assert(sizeof(XBlock) == 64);

}  // namespace dsa
