// Inside dequantize only: one function a type, and what they share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tensor/dtype.h"

namespace dsa::dequantize_blocks {

/// A whole number of blocks.
using Function = void (*)(const std::byte* data, std::span<float> out);

/// A block's bytes are unsigned; a half lies anywhere.
inline float half_at(const std::uint8_t* p) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, p, sizeof bits);
  return f16_to_float(bits);
}

/// Lifts the function of one block to a row.
template <DType type, void (*one)(const std::uint8_t* block, float* out)>
void blocks(const std::byte* data, std::span<float> out) {
  constexpr auto elements = static_cast<std::size_t>(traits(type).block_elements);
  const auto* block = reinterpret_cast<const std::uint8_t*>(data);
  for (std::size_t at = 0; at < out.size(); at += elements, block += traits(type).block_bytes)
    one(block, out.data() + at);
}

// dequantize_k.cpp
void q2_k(const std::byte* data, std::span<float> out);
void q3_k(const std::byte* data, std::span<float> out);
void q4_k(const std::byte* data, std::span<float> out);
void q5_k(const std::byte* data, std::span<float> out);
void q6_k(const std::byte* data, std::span<float> out);

}  // namespace dsa::dequantize_blocks
