// What matrix products of activations and weights are made of, where a model's own weights are trained.
#pragma once

#include <cstdint>
#include <string_view>

namespace dsa::train {

/// bf16: operands and results rounded to BF16, sums in float32; everything else is float32 in both.
enum class Products : std::uint8_t { f32, bf16 };

/// "auto" (bf16 where the processor multiplies BF16) or "f32".  Throws Error.
Products parse_products(std::string_view text);

}  // namespace dsa::train
