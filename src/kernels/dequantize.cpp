#include "kernels/dequantize.h"

#include "base/error.h"
#include "kernels/dequantize_blocks.h"

// Every product and sum stands in the order of the gguf package's gguf/quants.py: float32 rounds after each,
// so the order is part of the result.

namespace dsa {
namespace {

using namespace dequantize_blocks;

void f32(const std::byte* data, std::span<float> out) { std::memcpy(out.data(), data, out.size_bytes()); }

void f16(const std::byte* data, std::span<float> out) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(data);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = half_at(p + 2 * i);
}

void bf16_row(const std::byte* data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    bf16 value;
    std::memcpy(&value, data + 2 * i, sizeof value);
    out[i] = static_cast<float>(value);
  }
}

void f8_e4m3(const std::byte* data, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = e4m3_to_float(static_cast<std::uint8_t>(data[i]));
}

// d (half) | 32 signed bytes
void q8_0(const std::uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<std::int8_t>(block[2 + i])) * d;
}

// Element i of 32 is the low nibble of byte i, or the high nibble of byte i - 16.
int nibble(const std::uint8_t* qs, int i) { return i < 16 ? qs[i] & 0xF : qs[i - 16] >> 4; }

// The fifth bit of element i of 32.
int fifth_bit(const std::uint8_t* qh, int i) { return (qh[i / 8] >> (i % 8) & 1) << 4; }

// d | 16 bytes of nibbles
void q4_0(const std::uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(nibble(block + 2, i) - 8);
}

// d | m | 16 bytes of nibbles
void q4_1(const std::uint8_t* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(nibble(block + 4, i)) + m;
}

// d | 32 fifth bits | 16 bytes of nibbles
void q5_0(const std::uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i)
    out[i] = d * static_cast<float>((nibble(block + 6, i) | fifth_bit(block + 2, i)) - 16);
}

// d | m | 32 fifth bits | 16 bytes of nibbles
void q5_1(const std::uint8_t* block, float* out) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < 32; ++i)
    out[i] = d * static_cast<float>(nibble(block + 8, i) | fifth_bit(block + 4, i)) + m;
}

// nullptr: no weight is stored as this type.
Function function_of(DType type) {
  switch (type) {
    case DType::f32:
      return f32;
    case DType::f16:
      return f16;
    case DType::bf16:
      return bf16_row;
    case DType::f8_e4m3:
      return f8_e4m3;
    case DType::q4_0:
      return blocks<DType::q4_0, q4_0>;
    case DType::q4_1:
      return blocks<DType::q4_1, q4_1>;
    case DType::q5_0:
      return blocks<DType::q5_0, q5_0>;
    case DType::q5_1:
      return blocks<DType::q5_1, q5_1>;
    case DType::q8_0:
      return blocks<DType::q8_0, q8_0>;
    case DType::q2_k:
      return q2_k;
    case DType::q3_k:
      return q3_k;
    case DType::q4_k:
      return q4_k;
    case DType::q5_k:
      return q5_k;
    case DType::q6_k:
      return q6_k;
    default:
      return nullptr;
  }
}

}  // namespace

void dequantize(DType type, const std::byte* data, std::span<float> out) {
  const Function function = function_of(type);
  DSA_CHECK(function != nullptr);
  DSA_CHECK(static_cast<std::int64_t>(out.size()) % traits(type).block_elements == 0);
  if (!out.empty()) function(data, out);
}

void dequantize_row(const WeightView& weight, std::int64_t row, std::span<float> out) {
  DSA_CHECK(row >= 0 && row < weight.rows && static_cast<std::int64_t>(out.size()) == weight.cols);
  dequantize(weight.type, weight.data + static_cast<std::size_t>(row) * weight.row_bytes, out);
  if (weight.type != DType::f8_e4m3) return;
  DSA_CHECK(weight.scales != nullptr);
  const float* scales = weight.scales + (weight.scale_row0 + row) / kScaleBlock * weight.scale_stride;
  for (std::size_t c = 0; c < out.size(); ++c) out[c] *= scales[c / static_cast<std::size_t>(kScaleBlock)];
}

bool is_weight_type(DType type) { return function_of(type) != nullptr; }

}  // namespace dsa
