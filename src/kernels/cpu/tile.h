// The layout that ggml block weights are repacked into, and rounded activations beside it.
//
// A tile is 16 output rows.  Along the inputs it is a sequence of steps of 32; a step's planes are vectors of
// 64 bytes whose 32-bit lanes belong to one row each and hold 4 consecutive inputs, so that one multiply with
// 4 broadcast activation bytes advances all rows (two multiplies where registers hold 32 bytes).  Tiles
// follow one another: a GEMV reads one stream.  Weights keep their stored width:
// a step's quants lie in bit planes.
//   group g = 0 .. 7: inputs 4g .. 4g + 3 of the step, one byte each, lane = row
//   plane8  8 vectors: group g
//   plane4  4 vectors: group j in the low nibbles of vector j, group j + 4 in the high ones
//   plane2  2 vectors: group g in bits 2 (g % 4) of vector g / 4
//   plane1  1 vector: group g in bit g
// A step is its planes in this order, then its scales.  Types with one scale a 32 elements:
//   d f16[16], [m f16[16]]                                                     w = d q [+ m]
// K-quants, in superblocks of 8 steps, each preceded by d f16[16], [m f16[16]]:
//   scale int8[subs][16], [min uint8[subs][16]], subs = 1 or 2 (per 16)         w = d scale q [+ m min]
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/types.h"
#include "kernels/vec/x_block.h"

namespace dsa {

inline constexpr std::int64_t kTileRows = 16;
inline constexpr std::int64_t kTileVector = 4 * kTileRows;  // bytes
inline constexpr std::int64_t kStep = 32;

struct TileFormat {
  int low_bits = 0;   // 8, 4 or 2: the plane of the low bits
  int high_bits = 0;  // 0, 1 or 2: the plane above it
  int steps = 1;      // steps in a superblock
  int subs = 1;       // scales in a step
  bool has_min = false;
  int offset_log2 = 0;  // q stands for q - 2^offset_log2; 0: no offset (signed for plane8)
  int chain = 0;        // products of pairs that int16 can add up: 32767 / (2 * 127 * largest q)

  [[nodiscard]] constexpr int offset() const { return offset_log2 == 0 ? 0 : 1 << offset_log2; }
  [[nodiscard]] constexpr std::size_t plane_bytes() const {
    return static_cast<std::size_t>((low_bits + high_bits) * kStep * kTileRows / 8);
  }
  [[nodiscard]] constexpr std::size_t scale_bytes() const {
    const int per_row = steps == 1 ? (has_min ? 4 : 2) : subs * (has_min ? 2 : 1);
    return static_cast<std::size_t>(per_row * kTileRows);
  }
  [[nodiscard]] constexpr std::size_t header_bytes() const {
    return steps == 1 ? 0 : static_cast<std::size_t>((has_min ? 4 : 2) * kTileRows);
  }
  [[nodiscard]] constexpr std::size_t step_bytes() const { return plane_bytes() + scale_bytes(); }
  [[nodiscard]] constexpr std::size_t super_bytes() const {
    return header_bytes() + static_cast<std::size_t>(steps) * step_bytes();
  }
};

constexpr TileFormat tile_format(DType type) {
  switch (type) {
    case DType::q4_0:
      return {.low_bits = 4, .offset_log2 = 3, .chain = 8};
    case DType::q4_1:
      return {.low_bits = 4, .has_min = true, .chain = 8};
    case DType::q5_0:
      return {.low_bits = 4, .high_bits = 1, .offset_log2 = 4, .chain = 4};
    case DType::q5_1:
      return {.low_bits = 4, .high_bits = 1, .has_min = true, .chain = 4};
    case DType::q8_0:
      return {.low_bits = 8, .chain = 1};
    case DType::q2_k:
      return {.low_bits = 2, .steps = 8, .subs = 2, .has_min = true, .chain = 4};
    case DType::q3_k:
      return {.low_bits = 2, .high_bits = 1, .steps = 8, .subs = 2, .offset_log2 = 2, .chain = 4};
    case DType::q4_k:
      return {.low_bits = 4, .steps = 8, .has_min = true, .chain = 8};
    case DType::q5_k:
      return {.low_bits = 4, .high_bits = 1, .steps = 8, .has_min = true, .chain = 4};
    case DType::q6_k:
      return {.low_bits = 4, .high_bits = 2, .steps = 8, .subs = 2, .offset_log2 = 5, .chain = 2};
    default:
      return {};
  }
}

constexpr bool has_tile_format(DType type) { return tile_format(type).low_bits != 0; }

/// Tiles of a matrix.  Rows past the end are zero.
constexpr std::int64_t tile_count(const WeightView& weight) {
  return (weight.rows + kTileRows - 1) / kTileRows;
}
std::size_t tiles_bytes(const WeightView& weight);
/// Superblocks [first, first + count) of tile `tile` (rows 16 tile ..), written to out.
void pack_tile(const WeightView& weight, std::int64_t tile, std::int64_t first, std::int64_t count,
               std::byte* out);
/// Inputs [k0, k0 + count) of a row of weight.packed as floats, bit for bit what dequantize() gives.
void unpack_tile_row(const WeightView& weight, std::int64_t row, std::int64_t k0, std::int64_t count,
                     float* out);

}  // namespace dsa
