// linear for ggml block types: the elements of x that are too large to be rounded with the others of their
// block (set_aside(), kernels/quantize.h), and their products with single inputs of a tile.
// Needs: vec, linear_steps.

/// Rows of x rounded to XBlocks, and what is set aside of each.
struct RoundRows {
  TensorView<const float, 2> x;
  XBlock* out;
  Aside* asides;         // [n][most_asides()]
  std::int32_t* counts;  // [n]

  /// aside_limit() of a row.
  [[nodiscard]] float limit(std::int64_t t) const {
    const float* row = x.row(t);
    Vec sums[2] = {zero(), zero()};
    for (std::int64_t k = 0; k < x.cols(); k += 2 * Vec::kLanes)
      for (int i = 0; i < 2; ++i) {
        const Vec v = load(row + k + i * Vec::kLanes);
        sums[i] = fma(v, v, sums[i]);
      }
    return kAsideRms * __builtin_sqrtf(sum(sums[0] + sums[1]) / static_cast<float>(x.cols()));
  }

  static float largest(const float* block) {
    Vec m = zero();
    for (std::int64_t i = 0; i < kStep; i += Vec::kLanes) {
      const Vec v = load(block + i);
      m = max(m, max(v, zero() - v));
    }
    return max_lane(m);
  }

  void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t blocks = x.cols() / kStep, most = most_asides(x.cols());
    for (std::int64_t t = begin; t < end; ++t) {
      const float most_rounded = limit(t);
      Aside* own = asides + t * most;
      std::int64_t count = 0;
      for (std::int64_t b = 0; b < blocks; ++b) {
        const float* from = x.row(t) + b * kStep;
        float rest[kStep];
        if (largest(from) > most_rounded) [[unlikely]] {
          count += set_aside({from, kStep}, most_rounded, static_cast<std::int32_t>(t), b * kStep, rest,
                             {own + count, static_cast<std::size_t>(most - count)});
          from = rest;
        }
        round_block(from, out[t * blocks + b]);
      }
      counts[t] = static_cast<std::int32_t>(count);
    }
  }

  /// Those of rows [first, first + rows), by k, where the first row's stood.
  [[nodiscard]] std::int64_t gather(std::int64_t first, std::int64_t rows) const {
    const std::int64_t most = most_asides(x.cols());
    Aside* to = asides + first * most;
    std::int64_t count = counts[first];
    if (rows == 1) return count;
    for (std::int64_t t = first + 1; t < first + rows; ++t)
      for (std::int32_t i = 0; i < counts[t]; ++i) to[count++] = asides[t * most + i];
    sort_asides({to, static_cast<std::size_t>(count)});
    return count;
  }
};

/// The quants of group g of a step, for the lanes of one register.
template <class T, int g = 0>
[[gnu::always_inline]] inline Bytes quants_of(int group, const std::byte* planes) {
  if constexpr (g < 7) {
    if (group != g) return quants_of<T, g + 1>(group, planes);
  }
  return T::template quants<g>(planes);
}

/// Input k of a tile's rows, as dequantize() gives it.
template <class T>
void tile_column(const std::byte* tile, std::int64_t k, Vec (&w)[kTileParts]) {
  constexpr TileFormat f = T::kFormat;
  const std::int64_t step = k / kStep;
  const int i = static_cast<int>(k % kStep), half = f.subs == 2 ? i / 16 : 0;
  const std::byte* super = tile + static_cast<std::size_t>(step / f.steps) * f.super_bytes();
  const std::byte* planes =
      super + f.header_bytes() + static_cast<std::size_t>(step % f.steps) * f.step_bytes();
  const auto scales = load_scales<T, kTileParts>(super, planes, 0);
  const Vec offset = all(static_cast<float>(f.offset()));
  DSA_UNROLL
  for (int t = 0; t < kTileParts; ++t) {
    const Bytes q = quants_of<T>(i / 4, planes + static_cast<std::size_t>(t) * sizeof(Bytes));
    w[t] = scales.scale[half][t] * (to_float(byte_of<T::kSigned>(q, i % 4)) - offset);
    if constexpr (f.has_min) w[t] = w[t] + scales.min[half][t];
  }
}

/// acc[row - first_row][16] += what is set aside, sorted by k, times a part of a tile from input `first` on.
template <class T>
void add_asides(const std::byte* tile, std::int64_t first, std::span<const Aside> asides,
                std::int64_t first_row, float* acc) {
  Vec w[kTileParts];
  std::int64_t have = -1;
  for (const Aside& aside : asides) {
    if (aside.k != have) tile_column<T>(tile, aside.k - first, w);
    have = aside.k;
    float* to = acc + (aside.row - first_row) * kTileRows;
    DSA_UNROLL
    for (int t = 0; t < kTileParts; ++t)
      store(to + t * Vec::kLanes, fma(all(&aside.x), w[t], load(to + t * Vec::kLanes)));
  }
}
