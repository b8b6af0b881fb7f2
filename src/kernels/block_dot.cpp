#include "kernels/block_dot.h"

#include <cstring>

#include "base/error.h"

namespace dsa {
namespace {

float half_at(const std::uint8_t* p) { return f16_to_float(static_cast<std::uint16_t>(p[0] | p[1] << 8)); }
int int8_at(const std::uint8_t* p) { return *p < 128 ? *p : *p - 256; }

/// Element i of 32 is the low nibble of byte i, element i + 16 its high nibble.
int split_nibble(const std::uint8_t* bytes, int i) { return i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4; }

/// Q4_K and Q5_K: eight 6-bit scales and eight 6-bit minimums in 12 bytes.
void unpack_scale_min(const std::uint8_t* s, int j, QuantUnit& out) {
  const int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
  const int min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4;
  out.scale = {scale, scale};
  out.min = {min, min};
}

/// Q3_K: sixteen 6-bit scales in 12 bytes, low nibbles first, then the upper two bits.
int q3_scale(const std::uint8_t* s, int i) {
  const int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;
  return (low | ((s[8 + i % 4] >> 2 * (i / 4)) & 3) << 4) - 32;
}

void unpack_simple(DType type, const std::uint8_t* b, QuantUnit& out) {
  const bool has_min = type == DType::q4_1 || type == DType::q5_1;
  const bool five_bits = type == DType::q5_0 || type == DType::q5_1;
  out.d = half_at(b);
  b += 2;
  if (has_min) {
    out.m = half_at(b);
    out.min = {1, 1};
    b += 2;
  }
  if (type == DType::q8_0) {
    std::memcpy(out.q.data(), b, 32);
    return;
  }
  std::uint32_t high = 0;
  if (five_bits) {
    high = b[0] | b[1] << 8 | b[2] << 16 | static_cast<std::uint32_t>(b[3]) << 24;
    b += 4;
  }
  const int offset = has_min ? 0 : five_bits ? 16 : 8;
  for (int i = 0; i < 32; ++i)
    out.q[i] = static_cast<std::int8_t>((split_nibble(b, i) | static_cast<int>(high >> i & 1) << 4) - offset);
}

// The K types hold 256 weights in 8 units.  Q2_K, Q3_K and Q6_K keep them in two groups of four units
// (`group`, `lane`), Q4_K and Q5_K in pairs.

void unpack_q2_k(const std::uint8_t* b, int unit, QuantUnit& out) {
  const int group = unit / 4;
  const int lane = unit % 4;
  const std::uint8_t* scales = b;
  const std::uint8_t* qs = b + 16 + 32 * group;
  out.d = half_at(b + 80);
  out.m = -half_at(b + 82);
  for (int half = 0; half < 2; ++half) {
    out.scale[half] = scales[2 * unit + half] & 15;
    out.min[half] = scales[2 * unit + half] >> 4;
  }
  for (int i = 0; i < 32; ++i) out.q[i] = static_cast<std::int8_t>(qs[i] >> 2 * lane & 3);
}

void unpack_q3_k(const std::uint8_t* b, int unit, QuantUnit& out) {
  const std::uint8_t* high = b;
  const std::uint8_t* qs = b + 32 + 32 * (unit / 4);
  const std::uint8_t* scales = b + 96;
  out.d = half_at(b + 108);
  for (int half = 0; half < 2; ++half) out.scale[half] = q3_scale(scales, 2 * unit + half);
  for (int i = 0; i < 32; ++i) {
    const int low = qs[i] >> 2 * (unit % 4) & 3;
    out.q[i] = static_cast<std::int8_t>((high[i] >> unit & 1) != 0 ? low : low - 4);
  }
}

void unpack_q4_k_q5_k(DType type, const std::uint8_t* b, int unit, QuantUnit& out) {
  out.d = half_at(b);
  out.m = -half_at(b + 2);
  unpack_scale_min(b + 4, unit, out);
  const bool five_bits = type == DType::q5_k;
  const std::uint8_t* high = b + 16;
  const std::uint8_t* qs = b + (five_bits ? 48 : 16) + 32 * (unit / 2);
  for (int i = 0; i < 32; ++i) {
    const int low = unit % 2 == 0 ? qs[i] & 15 : qs[i] >> 4;
    out.q[i] = static_cast<std::int8_t>(five_bits ? low | (high[i] >> unit & 1) << 4 : low);
  }
}

void unpack_q6_k(const std::uint8_t* b, int unit, QuantUnit& out) {
  const int group = unit / 4;
  const int lane = unit % 4;
  const std::uint8_t* low = b + 64 * group + 32 * (lane % 2);
  const std::uint8_t* high = b + 128 + 32 * group;
  const std::uint8_t* scales = b + 192;
  out.d = half_at(b + 208);
  for (int half = 0; half < 2; ++half) out.scale[half] = int8_at(scales + 2 * unit + half);
  for (int i = 0; i < 32; ++i) {
    const int nibble = lane < 2 ? low[i] & 15 : low[i] >> 4;
    out.q[i] = static_cast<std::int8_t>((nibble | (high[i] >> 2 * lane & 3) << 4) - 32);
  }
}

}  // namespace

QuantUnit unpack_unit(DType type, const std::byte* row, std::int64_t unit) {
  const DTypeTraits& t = traits(type);
  const std::int64_t units = t.block_elements / 32;
  DSA_DCHECK(units > 0);
  const auto* b =
      reinterpret_cast<const std::uint8_t*>(row) + static_cast<std::size_t>(unit / units) * t.block_bytes;
  const int u = static_cast<int>(unit % units);
  QuantUnit out;
  switch (type) {
    case DType::q2_k:
      unpack_q2_k(b, u, out);
      break;
    case DType::q3_k:
      unpack_q3_k(b, u, out);
      break;
    case DType::q4_k:
    case DType::q5_k:
      unpack_q4_k_q5_k(type, b, u, out);
      break;
    case DType::q6_k:
      unpack_q6_k(b, u, out);
      break;
    default:
      unpack_simple(type, b, out);
      break;
  }
  return out;
}

}  // namespace dsa
