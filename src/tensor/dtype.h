// Element and block types of stored tensors, and the scalar conversions between them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dsa {

enum class DType : std::uint8_t {
  // plain elements
  f32,
  f16,
  bf16,
  f8_e4m3,
  i8,
  u8,
  i16,
  i32,
  i64,
  f64,
  boolean,
  // ggml blocks (data layout: ggml-common.h); a row is a whole number of blocks
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  // what safetensors files may hold besides, and no kernel multiplies
  f8_e8m0,  // a power of two: the scales of some FP8 checkpoints
  f8_e5m2,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
  u16,
  u32,
  u64,
  c64,
};

struct DTypeTraits {
  DType type;
  std::string_view name;        // as `dsa inspect` prints it
  std::int64_t block_elements;  // 1 for plain elements
  std::size_t block_bytes;
};

inline constexpr std::array kDTypes{
    DTypeTraits{DType::f32, "F32", 1, 4},
    DTypeTraits{DType::f16, "F16", 1, 2},
    DTypeTraits{DType::bf16, "BF16", 1, 2},
    DTypeTraits{DType::f8_e4m3, "F8_E4M3", 1, 1},
    DTypeTraits{DType::i8, "I8", 1, 1},
    DTypeTraits{DType::u8, "U8", 1, 1},
    DTypeTraits{DType::i16, "I16", 1, 2},
    DTypeTraits{DType::i32, "I32", 1, 4},
    DTypeTraits{DType::i64, "I64", 1, 8},
    DTypeTraits{DType::f64, "F64", 1, 8},
    DTypeTraits{DType::boolean, "BOOL", 1, 1},
    DTypeTraits{DType::q4_0, "Q4_0", 32, 18},
    DTypeTraits{DType::q4_1, "Q4_1", 32, 20},
    DTypeTraits{DType::q5_0, "Q5_0", 32, 22},
    DTypeTraits{DType::q5_1, "Q5_1", 32, 24},
    DTypeTraits{DType::q8_0, "Q8_0", 32, 34},
    DTypeTraits{DType::q2_k, "Q2_K", 256, 84},
    DTypeTraits{DType::q3_k, "Q3_K", 256, 110},
    DTypeTraits{DType::q4_k, "Q4_K", 256, 144},
    DTypeTraits{DType::q5_k, "Q5_K", 256, 176},
    DTypeTraits{DType::q6_k, "Q6_K", 256, 210},
    DTypeTraits{DType::f8_e8m0, "F8_E8M0", 1, 1},
    DTypeTraits{DType::f8_e5m2, "F8_E5M2", 1, 1},
    DTypeTraits{DType::f8_e4m3fnuz, "F8_E4M3FNUZ", 1, 1},
    DTypeTraits{DType::f8_e5m2fnuz, "F8_E5M2FNUZ", 1, 1},
    DTypeTraits{DType::f6_e2m3, "F6_E2M3", 4, 3},
    DTypeTraits{DType::f6_e3m2, "F6_E3M2", 4, 3},
    DTypeTraits{DType::f4, "F4", 2, 1},
    DTypeTraits{DType::u16, "U16", 1, 2},
    DTypeTraits{DType::u32, "U32", 1, 4},
    DTypeTraits{DType::u64, "U64", 1, 8},
    DTypeTraits{DType::c64, "C64", 1, 8},
};

constexpr const DTypeTraits& traits(DType type) { return kDTypes[static_cast<std::size_t>(type)]; }
constexpr std::string_view name(DType type) { return traits(type).name; }
constexpr bool is_quantized_block(DType type) { return traits(type).block_elements > 1; }

static_assert(
    [] {
      for (std::size_t i = 0; i < kDTypes.size(); ++i)
        if (kDTypes[i].type != static_cast<DType>(i)) return false;
      return true;
    }(),
    "kDTypes lists the enumerators in order");

/// Bytes of `elements` values (a multiple of the block), nullopt if not a multiple or
/// if the product overflows.
std::optional<std::size_t> storage_bytes(DType type, std::int64_t elements);

/// Brain float: the upper half of a float.
struct bf16 {
  std::uint16_t bits = 0;

  bf16() = default;
  /// Rounds to nearest, ties to even; NaN stays NaN.
  explicit bf16(float value) {
    const auto u = std::bit_cast<std::uint32_t>(value);
    if ((u & 0x7FFFFFFFU) > 0x7F800000U)
      bits = static_cast<std::uint16_t>((u >> 16) | 0x40U);
    else
      bits = static_cast<std::uint16_t>((u + 0x7FFFU + ((u >> 16) & 1U)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

/// IEEE half to float, exact.
float f16_to_float(std::uint16_t bits);
/// Float to IEEE half, nearest even.
std::uint16_t float_to_f16(float value);

/// OCP FP8 E4M3 (no infinity; 0x7F and 0xFF are NaN; largest finite 448), exact.
float e4m3_to_float(std::uint8_t bits);
/// Nearest even, saturating at +-448; NaN to 0x7F.
std::uint8_t float_to_e4m3(float value);

/// OCP E8M0 (a biased exponent, no sign; 0xFF is NaN), exact.
float e8m0_to_float(std::uint8_t bits);

}  // namespace dsa
