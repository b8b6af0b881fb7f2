// Sixteen rows of x at a time times a tile of ggml blocks, by squares of int8.  B is a step's quants: row
// g is group g of tile.h.  The products are exact and added up as vectors have them: the bits are the same.
// Needs: linear_steps, squares.

/// Rows of x that are best taken at once.
inline constexpr std::int64_t kRowStep = kSquareRows;

/// The quants of groups [g, 8) of a step, one byte each and, if signed, moved up as vectors have them, to
/// out + 64 g.
template <class T, int g>
inline void unpack_groups(const std::byte* planes, std::byte* out) {
  if constexpr (g < 8) {
    const __m512i q = T::template quants<g>(planes).v;
    _mm512_store_si512(out + g * kTileVector,
                       T::kSigned ? _mm512_xor_si512(q, _mm512_set1_epi8(static_cast<char>(0x80))) : q);
    unpack_groups<T, g + 1>(planes, out);
  }
}

/// acc[16][16] += the products of a step (or of one half of it) in square kC.
template <class T, int kHalf, int kC>
inline void add_square(const Vec& scale, const Vec& min, const XBlock* x, std::int64_t x_stride, float* acc) {
  alignas(64) std::int32_t products[kSquareRows * kTileRows];
  square_store<kC>(products, kSquareBytes);
  DSA_UNROLL
  for (int r = 0; r < kSquareRows; ++r) {
    const XBlock& block = x[r * x_stride];
    const Ints total =
        without_offset<T::kOffset, T, kHalf>({_mm512_load_si512(products + r * kTileRows)}, block);
    store(acc + r * kTileRows,
          add_total<T, kHalf>(total, scale, all(&block.d), min, block, load(acc + r * kTileRows)));
  }
}

/// acc[rows][16] += x times a tile over `supers` superblocks, for the first rows, as many as fill squares;
/// returns how many.
template <class T>
std::int64_t multiply_many(const std::byte* tile, std::int64_t supers, const XBlock* x, std::int64_t x_stride,
                           std::int64_t rows, float* acc) {
  constexpr TileFormat f = T::kFormat;
  const std::int64_t many = rows / kSquareRows * kSquareRows;
  if (many == 0) return 0;
  const std::int64_t pitch = x_stride * static_cast<std::int64_t>(sizeof(XBlock));
  ProductSquares squares;
  squares.shape(kSquareRows, 8 / f.subs);
  alignas(64) std::byte quants[8 * kTileVector];
  for (std::int64_t super = 0; super < supers; ++super) {
    const std::byte* header = tile;
    tile += f.header_bytes();
    for (int step = 0; step < f.steps; ++step, tile += f.step_bytes(), ++x) {
      unpack_groups<T, 0>(tile, quants);
      const auto scales = load_scales<T, 1>(header, tile, 0);
      square_load<6>(quants, kTileVector);
      if constexpr (f.subs == 2) square_load<7>(quants + 4 * kTileVector, kTileVector);
      for (std::int64_t r = 0; r < many; r += kSquareRows) {
        const XBlock* from = x + r * x_stride;
        float* to = acc + r * kTileRows;
        square_load<4>(from->q, pitch);
        square_zero<0>();
        square_dot_s8_u8<0, 4, 6>();
        if constexpr (f.subs == 2) {
          square_load<5>(from->q + 16, pitch);
          square_zero<1>();
          square_dot_s8_u8<1, 5, 7>();
        }
        add_square<T, 0, 0>(scales.scale[0][0], scales.min[0][0], from, x_stride, to);
        if constexpr (f.subs == 2)
          add_square<T, 1, 1>(scales.scale[1][0], scales.min[1][0], from, x_stride, to);
      }
    }
  }
  return many;
}
