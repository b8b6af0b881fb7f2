#include "tensor/dtype.h"

#include <cmath>
#include <limits>

#include "base/checked.h"

namespace dsa {

std::optional<std::size_t> storage_bytes(DType type, std::int64_t elements) {
  const auto& t = traits(type);
  if (elements < 0 || elements % t.block_elements != 0) return std::nullopt;
  return checked_mul(static_cast<std::size_t>(elements / t.block_elements), t.block_bytes);
}

float f16_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -value : value;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

std::uint16_t float_to_f16(float value) {
  const auto u = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((u >> 16) & 0x8000U);
  const std::uint32_t magnitude = u & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return sign | 0x7E00U;
  if (magnitude >= 0x47800000U) return sign | 0x7C00U;  // 65536 and up
  if (magnitude < 0x38800000U) {                        // below 2^-14: subnormal, in units of 2^-24
    const float scaled = std::ldexp(std::bit_cast<float>(magnitude), 24);
    return sign | static_cast<std::uint16_t>(std::nearbyint(scaled));
  }
  const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U);
  return sign | static_cast<std::uint16_t>((rounded - 0x38000000U) >> 13);
}

float e4m3_to_float(std::uint8_t bits) {
  const std::uint32_t sign = (bits & 0x80U) << 24;
  const int exponent = (bits >> 3) & 0xF;
  const int mantissa = bits & 7;
  if (exponent == 15 && mantissa == 7) return std::bit_cast<float>(sign | 0x7FC00000U);
  const float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                    : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return sign != 0 ? -value : value;
}

std::uint8_t float_to_e4m3(float value) {
  const auto sign = static_cast<std::uint8_t>((std::bit_cast<std::uint32_t>(value) >> 24) & 0x80U);
  if (std::isnan(value)) return 0x7F;
  const float magnitude = std::fabs(value);
  if (magnitude >= 448.0F) return sign | 0x7EU;
  int exponent = 0;
  std::frexp(magnitude, &exponent);                          // magnitude = m * 2^exponent, m in [0.5, 1)
  const int unit = magnitude < 0x1p-6F ? -9 : exponent - 4;  // spacing of e4m3 here: 2^unit
  const auto steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, -unit)));
  if (unit == -9 && steps <= 8) return sign | static_cast<std::uint8_t>(steps);  // subnormal, or 2^-6
  const int carry = steps == 16 ? 1 : 0;
  const int biased = unit + 10 + carry;
  return sign | static_cast<std::uint8_t>((biased << 3) | (carry != 0 ? 0 : steps - 8));
}

float e8m0_to_float(std::uint8_t bits) {
  if (bits == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  // Exponent 0 is 2^-127, a subnormal float.
  return std::bit_cast<float>(bits == 0 ? 0x00400000U : static_cast<std::uint32_t>(bits) << 23);
}

}  // namespace dsa
