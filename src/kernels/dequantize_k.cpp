// The K-quants: super-blocks of 256 elements whose sub-blocks have small integer scales of their own.
#include <array>

#include "kernels/dequantize_blocks.h"

namespace dsa::dequantize_blocks {
namespace {

constexpr int kElements = 256;

// Two bits of element i: each run of 128 elements lies in 32 bytes, 32 elements to a bit pair.
int two_bits(const std::uint8_t* qs, int i) { return qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3; }

// Four bits of element i: each run of 64 elements lies in 32 bytes, the first 32 in the low nibbles.
int four_bits(const std::uint8_t* qs, int i) { return qs[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 0xF; }

// One bit of element i: 32 bytes, 32 elements to a bit.
int one_bit(const std::uint8_t* qh, int i) { return qh[i % 32] >> (i / 32) & 1; }

// 16 scales (low nibbles) and minima (high nibbles) | two bits an element | d | dmin
void q2_k_block(const std::uint8_t* block, float* out) {
  const std::uint8_t* qs = block + 16;
  const float d = half_at(block + 80), dmin = half_at(block + 82);
  for (int i = 0; i < kElements; ++i) {
    const int scales = block[i / 16];
    const float scale = d * static_cast<float>(scales & 0xF), min = dmin * static_cast<float>(scales >> 4);
    out[i] = scale * static_cast<float>(two_bits(qs, i)) - min;
  }
}

// 32 bytes of third bits, inverted | two bits an element | 16 scales of six bits | d
void q3_k_block(const std::uint8_t* block, float* out) {
  const std::uint8_t *qs = block + 32, *packed = block + 96;
  const float d = half_at(block + 108);
  std::array<float, 16> scales{};
  for (int j = 0; j < 16; ++j) {
    const int low = packed[j % 8] >> (j / 8 * 4) & 0xF, high = packed[8 + j % 4] >> (j / 4 * 2) & 3;
    scales[static_cast<std::size_t>(j)] = d * static_cast<float>((low | high << 4) - 32);
  }
  for (int i = 0; i < kElements; ++i) {
    const int q = two_bits(qs, i) - (one_bit(block, i) != 0 ? 0 : 4);
    out[i] = scales[static_cast<std::size_t>(i / 16)] * static_cast<float>(q);
  }
}

struct ScaleMin {
  std::array<float, 8> scale, min;
};

// Q4_K and Q5_K: eight scales and eight minima of six bits in 12 bytes.
ScaleMin unpack_scales(const std::uint8_t* p, float d, float dmin) {
  ScaleMin out{};
  for (std::size_t j = 0; j < 4; ++j) {
    const std::uint8_t scale = p[j], min = p[4 + j], both = p[8 + j];
    out.scale[j] = d * static_cast<float>(scale & 0x3F);
    out.min[j] = dmin * static_cast<float>(min & 0x3F);
    out.scale[4 + j] = d * static_cast<float>((both & 0xF) | (scale >> 2 & 0x30));
    out.min[4 + j] = dmin * static_cast<float>(both >> 4 | (min >> 2 & 0x30));
  }
  return out;
}

// d | dmin | scales and minima | four bits an element
void q4_k_block(const std::uint8_t* block, float* out) {
  const ScaleMin s = unpack_scales(block + 4, half_at(block), half_at(block + 2));
  for (int i = 0; i < kElements; ++i) {
    const auto j = static_cast<std::size_t>(i / 32);
    out[i] = s.scale[j] * static_cast<float>(four_bits(block + 16, i)) - s.min[j];
  }
}

// d | dmin | scales and minima | 32 bytes of fifth bits | four bits an element
void q5_k_block(const std::uint8_t* block, float* out) {
  const ScaleMin s = unpack_scales(block + 4, half_at(block), half_at(block + 2));
  for (int i = 0; i < kElements; ++i) {
    const auto j = static_cast<std::size_t>(i / 32);
    const int q = four_bits(block + 48, i) | one_bit(block + 16, i) << 4;
    out[i] = s.scale[j] * static_cast<float>(q) - s.min[j];
  }
}

// low four bits: runs of 128 elements in 64 bytes | high two bits | 16 signed scales | d
void q6_k_block(const std::uint8_t* block, float* out) {
  const std::uint8_t *qh = block + 128, *scales = block + 192;
  const float d = half_at(block + 208);
  for (int i = 0; i < kElements; ++i) {
    const float scale = d * static_cast<float>(static_cast<std::int8_t>(scales[i / 16]));
    const int low = block[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 0xF;
    out[i] = scale * static_cast<float>((low | two_bits(qh, i) << 4) - 32);
  }
}

}  // namespace

void q2_k(const std::byte* data, std::span<float> out) { blocks<DType::q2_k, q2_k_block>(data, out); }
void q3_k(const std::byte* data, std::span<float> out) { blocks<DType::q3_k, q3_k_block>(data, out); }
void q4_k(const std::byte* data, std::span<float> out) { blocks<DType::q4_k, q4_k_block>(data, out); }
void q5_k(const std::byte* data, std::span<float> out) { blocks<DType::q5_k, q5_k_block>(data, out); }
void q6_k(const std::byte* data, std::span<float> out) { blocks<DType::q6_k, q6_k_block>(data, out); }

}  // namespace dsa::dequantize_blocks
