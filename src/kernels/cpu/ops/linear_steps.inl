// One step of a tile of ggml blocks (tile.h) times activations rounded to int8: exact sums, then float ones.
// Needs: vec.

/// One type's tiles as constants.
template <DType kType>
struct Tiles {
  static constexpr TileFormat kFormat = tile_format(kType);
  static constexpr bool kSigned = kFormat.low_bits == 8;
  using Sums = Products<kFormat.chain, kSigned>;
  /// What quants and their stand-ins are moved up by, as a power of two; 0: not at all.
  static constexpr int kOffset = kSigned ? kSignedOffset : kFormat.offset_log2;

  /// The quants of group g of a step, for the lanes of one register.
  template <int g>
  static Bytes quants(const std::byte* planes) {
    constexpr int kLow = kFormat.low_bits;
    Bytes q{};
    if constexpr (kLow == 8) q = load_bytes(planes + kTileVector * g);
    if constexpr (kLow == 4) q = bits<g / 4 * 4>(load_bytes(planes + kTileVector * (g % 4)), 15);
    if constexpr (kLow == 2) q = bits<g % 4 * 2>(load_bytes(planes + kTileVector * (g / 4)), 3);
    const std::byte* high = planes + kLow * kTileVector;
    // Masked at its place, then moved above the low bits: 16-bit shifts cannot leak into a neighbour.
    if constexpr (kFormat.high_bits == 1) q = q | shift_up<kLow>(bits<g>(load_bytes(high), 1));
    if constexpr (kFormat.high_bits == 2)
      q = q | shift_up<kLow>(bits<g % 4 * 2>(load_bytes(high + kTileVector * (g / 4)), 3));
    return q;
  }
};

/// Registers that a tile's rows fill.
inline constexpr int kTileParts = kTileRows / Vec::kLanes;

/// Exact products of groups [g, end) of a step: MR rows of x, NT parts of the tile.
template <class T, int g, int end, int MR, int NT>
[[gnu::always_inline]] inline void multiply_groups(const std::byte* planes, const XBlock* const (&x)[MR],
                                                   typename T::Sums (&sums)[MR][NT]) {
  if constexpr (g < end) {
    Bytes w[NT];
    DSA_UNROLL
    for (int t = 0; t < NT; ++t)
      w[t] = T::template quants<g>(planes + static_cast<std::size_t>(t) * sizeof(Bytes));
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      const Bytes xb = all_bytes(x[r]->q + 4 * g);
      DSA_UNROLL
      for (int t = 0; t < NT; ++t) sums[r][t].template add<g>(w[t], xb);
    }
    multiply_groups<T, g + 1, end>(planes, x, sums);
  }
}

/// Sums of products less what quants that were moved up by 2^kOffset have too much.
template <int kOffset, class T, int kHalf>
[[gnu::always_inline]] inline Ints without_offset(Ints total, const XBlock& x) {
  if constexpr (kOffset == 0) return total;
  return total - all_shifted<kOffset>(T::kFormat.subs == 2 ? &x.half_q[kHalf] : &x.q01);
}

/// A float sum and the products of one step, or of one half of it; d is x's.
template <class T, int kHalf>
[[gnu::always_inline]] inline Vec add_total(Ints total, Vec scale, Vec d, Vec min, const XBlock& x, Vec acc) {
  constexpr TileFormat f = T::kFormat;
  acc = fma(scale * d, to_float(total), acc);
  if constexpr (f.has_min) acc = fma(min, all(f.subs == 2 ? &x.half_s[kHalf] : &x.s), acc);
  return acc;
}

/// One step (or one half of it, where halves have scales of their own) added to the float sums.
template <class T, int kHalf, int MR, int NT>
[[gnu::always_inline]] inline void add_part(const std::byte* planes, const Vec (&scale)[NT],
                                            const Vec (&min)[NT], const XBlock* const (&x)[MR],
                                            Vec (&acc)[MR][NT]) {
  constexpr TileFormat f = T::kFormat;
  typename T::Sums sums[MR][NT];
  multiply_groups<T, f.subs == 2 ? 4 * kHalf : 0, f.subs == 2 ? 4 * kHalf + 4 : 8>(planes, x, sums);
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    const Vec d = all(&x[r]->d);
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) {
      const Ints total = without_offset<T::kOffset, T, kHalf>(sums[r][t].total, *x[r]);
      acc[r][t] = add_total<T, kHalf>(total, scale[t], d, min[t], *x[r], acc[r][t]);
    }
  }
}

/// Scales and minima of NT parts of a step, of each half where these have their own.
template <int NT>
struct StepScales {
  Vec scale[2][NT], min[2][NT];
};
/// Those from part `part` on; `super` is the superblock's header.
template <class T, int NT>
[[gnu::always_inline]] inline StepScales<NT> load_scales(const std::byte* super, const std::byte* step,
                                                         int part) {
  constexpr TileFormat f = T::kFormat;
  const std::byte* halves = f.steps == 1 ? step + f.plane_bytes() : super;
  StepScales<NT> out;
  DSA_UNROLL
  for (int t = 0; t < NT; ++t) {
    const std::int64_t row = (part + t) * Vec::kLanes;
    out.scale[0][t] = load_halves(halves + 2 * row);
    if constexpr (f.has_min) out.min[0][t] = load_halves(halves + 2 * (kTileRows + row));
    if constexpr (f.steps > 1) {
      const std::byte* s = step + f.plane_bytes() + row;
      const Vec d = out.scale[0][t];
      DSA_UNROLL
      for (int h = 0; h < f.subs; ++h) out.scale[h][t] = d * load_int8(s + h * kTileRows);
      if constexpr (f.has_min) {
        const Vec m = out.min[0][t];
        DSA_UNROLL
        for (int h = 0; h < f.subs; ++h) out.min[h][t] = m * load_uint8(s + (f.subs + h) * kTileRows);
      }
    }
  }
  return out;
}

/// One step of NT parts of a tile, the first of which is `part`; `super` is the superblock's header.
template <class T, int MR, int NT>
[[gnu::always_inline]] inline void add_step(const std::byte* super, const std::byte* step, int part,
                                            const XBlock* const (&x)[MR], Vec (&acc)[MR][NT]) {
  const std::byte* planes = step + static_cast<std::size_t>(part) * sizeof(Bytes);
  const auto scales = load_scales<T, NT>(super, step, part);
  add_part<T, 0>(planes, scales.scale[0], scales.min[0], x, acc);
  if constexpr (T::kFormat.subs == 2) add_part<T, 1>(planes, scales.scale[1], scales.min[1], x, acc);
}
