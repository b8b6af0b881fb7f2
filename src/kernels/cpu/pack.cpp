// Repacks ggml blocks into tiles (layout: tile.h; block layouts: ggml-common.h).
#include <cstring>

#include "kernels/block_dot.h"
#include "kernels/cpu/tile.h"

namespace dsa {
namespace {

using Byte = std::uint8_t;

// Where group g of a plane lies: a plane of b bits has b vectors, in order of groups,
// but nibbles pair g with g + 4.
constexpr int plane_vector(int bits, int g) { return bits == 4 ? g % 4 : g * bits / 8; }
constexpr int plane_shift(int bits, int g) {
  return bits == 8 ? 0 : bits == 4 ? g / 4 * 4 : g % (8 / bits) * bits;
}

// The bits [shift, shift + kBits) of q go into the plane of that width.
template <int kBits>
void put_plane(int shift, const Byte* q, int row, Byte* plane) {
  for (int g = 0; g < 8; ++g) {
    std::uint32_t group;  // four bytes at once: no bit leaves its byte
    std::memcpy(&group, q + 4 * g, sizeof group);
    group = group >> shift & ((1U << kBits) - 1) * 0x01010101U;
    Byte* to = plane + plane_vector(kBits, g) * kTileVector + row * 4;
    std::uint32_t word;
    std::memcpy(&word, to, sizeof word);
    word |= group << plane_shift(kBits, g);
    std::memcpy(to, &word, sizeof word);
  }
}

void put_plane(int bits, int shift, const Byte* q, int row, Byte* plane) {
  if (bits == 8) put_plane<8>(shift, q, row, plane);
  if (bits == 4) put_plane<4>(shift, q, row, plane);
  if (bits == 2) put_plane<2>(shift, q, row, plane);
  if (bits == 1) put_plane<1>(shift, q, row, plane);
}

// Every d and m was a half in the file: the way back is exact.
void put_half(std::byte* to, int row, float value) {
  const std::uint16_t bits = float_to_f16(value);
  std::memcpy(to + 2 * row, &bits, sizeof bits);
}

void put_step(const TileFormat& f, const QuantUnit& unit, int row, std::byte* super, int step) {
  std::byte* at = super + f.header_bytes() + static_cast<std::size_t>(step) * f.step_bytes();
  auto* planes = reinterpret_cast<Byte*>(at);
  Byte q[kStep];
  for (std::size_t i = 0; i < kStep; ++i) q[i] = static_cast<Byte>(unit.q[i] + f.offset());
  put_plane(f.low_bits, 0, q, row, planes);
  if (f.high_bits != 0) put_plane(f.high_bits, f.low_bits, q, row, planes + f.low_bits * kTileVector);
  std::byte* scales = at + f.plane_bytes();
  std::byte* halves = f.steps == 1 ? scales : super;
  put_half(halves, row, unit.d);
  if (f.has_min) put_half(halves + 2 * kTileRows, row, unit.m);
  if (f.steps == 1) return;
  for (std::size_t h = 0; h < static_cast<std::size_t>(f.subs); ++h) {
    scales[h * kTileRows + row] = static_cast<std::byte>(unit.scale[h]);
    if (f.has_min) scales[(f.subs + h) * kTileRows + row] = static_cast<std::byte>(unit.min[h]);
  }
}

// Q4_0, Q4_1 and Q8_0 keep d, [m], and then quants in the very order of a tile's lane:
// words move, nothing is unpacked.
void copy_step(const TileFormat& f, const std::byte* block, int row, std::byte* to) {
  const std::size_t halves = f.has_min ? 2 : 1;
  const std::byte* quants = block + 2 * halves;
  for (int word = 0; word < f.low_bits; ++word)
    std::memcpy(to + word * kTileVector + row * 4, quants + word * 4, 4);
  for (std::size_t h = 0; h < halves; ++h)
    std::memcpy(to + f.plane_bytes() + (h * kTileRows + static_cast<std::size_t>(row)) * 2, block + 2 * h, 2);
}

// The bits that put_plane() wrote.
int get_plane(int bits, int row, int element, const Byte* plane) {
  const int g = element / 4;
  return plane[plane_vector(bits, g) * kTileVector + row * 4 + element % 4] >> plane_shift(bits, g) &
         ((1 << bits) - 1);
}

float get_half(const std::byte* at, int row) {
  std::uint16_t bits;
  std::memcpy(&bits, at + 2 * row, sizeof bits);
  return f16_to_float(bits);
}

}  // namespace

std::size_t tiles_bytes(const WeightView& weight) {
  const TileFormat f = tile_format(weight.type);
  return static_cast<std::size_t>(tile_count(weight)) *
         static_cast<std::size_t>(weight.cols / (kStep * f.steps)) * f.super_bytes();
}

void pack_tile(const WeightView& weight, std::int64_t tile, std::int64_t first, std::int64_t count,
               std::byte* out) {
  const TileFormat f = tile_format(weight.type);
  std::memset(out, 0, static_cast<std::size_t>(count) * f.super_bytes());
  for (int row = 0; row < kTileRows && tile * kTileRows + row < weight.rows; ++row) {
    const std::byte* data = weight.data + static_cast<std::size_t>(tile * kTileRows + row) * weight.row_bytes;
    if (f.steps == 1 && f.high_bits == 0) {
      const std::size_t block = traits(weight.type).block_bytes;
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
        copy_step(f, data + (static_cast<std::size_t>(first) + i) * block, row, out + i * f.super_bytes());
      continue;
    }
    for (std::int64_t step = 0; step < count * f.steps; ++step)
      put_step(f, unpack_unit(weight.type, data, first * f.steps + step), row,
               out + static_cast<std::size_t>(step / f.steps) * f.super_bytes(),
               static_cast<int>(step % f.steps));
  }
}

void unpack_tile_row(const WeightView& weight, std::int64_t row, std::int64_t k0, std::int64_t count,
                     float* out) {
  const TileFormat f = tile_format(weight.type);
  const auto supers = static_cast<std::size_t>(weight.cols / (kStep * f.steps));
  const std::byte* tile =
      weight.packed + static_cast<std::size_t>(row / kTileRows) * supers * f.super_bytes();
  const int r = static_cast<int>(row % kTileRows);
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t step = (k0 + k) / kStep;
    const int element = static_cast<int>((k0 + k) % kStep);
    const std::byte* super = tile + static_cast<std::size_t>(step / f.steps) * f.super_bytes();
    const std::byte* at =
        super + f.header_bytes() + static_cast<std::size_t>(step % f.steps) * f.step_bytes();
    const auto* planes = reinterpret_cast<const Byte*>(at);
    int q = get_plane(f.low_bits, r, element, planes);
    if (f.low_bits == 8 && q > 127) q -= 256;  // two's complement
    if (f.high_bits != 0)
      q |= get_plane(f.high_bits, r, element, planes + f.low_bits * kTileVector) << f.low_bits;
    q -= f.offset();
    const std::byte* scales = at + f.plane_bytes();
    const std::byte* halves = f.steps == 1 ? scales : super;
    float d = get_half(halves, r);
    float m = f.has_min ? get_half(halves + 2 * kTileRows, r) : 0.0F;
    if (f.steps > 1) {
      const int sub = f.subs == 2 ? element / 16 : 0;
      d *= static_cast<float>(static_cast<std::int8_t>(scales[sub * kTileRows + r]));
      if (f.has_min) m *= static_cast<float>(static_cast<Byte>(scales[(f.subs + sub) * kTileRows + r]));
    }
    const float product = d * static_cast<float>(q);
    out[k] = f.has_min ? product + m : product;
  }
}

}  // namespace dsa
