// Stored numbers to float32, exactly: the reference for every weight type.
#pragma once

#include <span>

#include "kernels/types.h"

namespace dsa {

/// `elements` values of a row of plain elements or ggml blocks at `data` (unaligned),
/// bit for bit what the `gguf` Python package's dequantize() gives.  out.size() is a whole number of blocks.
/// f8_e4m3 gives the unscaled values.
void dequantize(DType type, const std::byte* data, std::span<float> out);

/// One row of a weight, scales applied.  out.size() == weight.cols.
void dequantize_row(const WeightView& weight, std::int64_t row, std::span<float> out);

/// True if a weight matrix may have this type.
bool is_weight_type(DType type);

}  // namespace dsa
