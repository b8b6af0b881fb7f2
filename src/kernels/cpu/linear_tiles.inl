// linear for ggml block types: tiles of 8 rows (tile.h) times activations rounded to int8.

/// One type's tiles as constants.
template <DType kType>
struct Tiles {
  static constexpr TileFormat kFormat = tile_format(kType);
  static constexpr bool kSigned = kFormat.low_bits == 8;

  /// The quants of group g of a step.
  template <int g>
  static Bytes quants(const std::byte* planes) {
    constexpr int kLow = kFormat.low_bits;
    Bytes q{};
    if constexpr (kLow == 8) return load_bytes(planes + 32 * g);
    if constexpr (kLow == 4) q = bits<g / 4 * 4>(load_bytes(planes + 32 * (g % 4)), 15);
    if constexpr (kLow == 2) q = bits<g % 4 * 2>(load_bytes(planes + 32 * (g / 4)), 3);
    const std::byte* high = planes + kLow * kStep;
    // Masked at its place, then moved above the low bits: 16-bit shifts cannot leak into a neighbour.
    if constexpr (kFormat.high_bits == 1) q = q | shift_up<kLow>(bits<g>(load_bytes(high), 1));
    if constexpr (kFormat.high_bits == 2)
      q = q | shift_up<kLow>(bits<g % 4 * 2>(load_bytes(high + 32 * (g / 4)), 3));
    return q;
  }
};

/// Exact products of groups [g, end) of a step: MR rows of x, NT tiles.
template <class T, int g, int end, int MR, int NT>
[[gnu::always_inline]] inline void multiply_groups(const std::byte* const (&planes)[NT],
                                                   const XBlock* const (&x)[MR], Chain (&chain)[MR][NT],
                                                   Ints (&out)[MR][NT]) {
  if constexpr (g < end) {
    constexpr bool kFirst = g % T::kFormat.chain == 0;
    constexpr bool kLast = (g + 1) % T::kFormat.chain == 0;
    Bytes w[NT];
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) w[t] = T::template quants<g>(planes[t]);
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      const Bytes xb = all_bytes(x[r]->q + 4 * g);
      DSA_UNROLL
      for (int t = 0; t < NT; ++t) {
        Chain product{};
        if constexpr (T::kSigned)
          product = multiply_signed(w[t], magnitude(w[t]), xb);
        else
          product = multiply(w[t], xb);
        chain[r][t] = kFirst ? product : chain[r][t] + product;
        if constexpr (kLast) out[r][t] = out[r][t] + widen(chain[r][t]);
      }
    }
    multiply_groups<T, g + 1, end>(planes, x, chain, out);
  }
}

/// One step (or one half of it, where halves have scales of their own) added to the float sums.
template <class T, int kHalf, int MR, int NT>
[[gnu::always_inline]] inline void add_part(const std::byte* const (&planes)[NT], const Vec (&scale)[NT],
                                            const Vec (&min)[NT], const XBlock* const (&x)[MR],
                                            Vec (&acc)[MR][NT]) {
  constexpr TileFormat f = T::kFormat;
  Chain chain[MR][NT];
  Ints ints[MR][NT];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) ints[r][t] = no_ints();
  }
  multiply_groups<T, f.subs == 2 ? 4 * kHalf : 0, f.subs == 2 ? 4 * kHalf + 4 : 8>(planes, x, chain, ints);
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    const Vec d = all(&x[r]->d);
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) {
      if constexpr (f.offset_log2 != 0)
        ints[r][t] = ints[r][t] - all_shifted<f.offset_log2>(f.subs == 2 ? &x[r]->half_q[kHalf] : &x[r]->q01);
      acc[r][t] = fma(scale[t] * d, to_float(ints[r][t]), acc[r][t]);
      if constexpr (f.has_min) {
        const Vec s = all(f.subs == 2 ? &x[r]->half_s[kHalf] : &x[r]->s);
        acc[r][t] = fma(min[t], s, acc[r][t]);
      }
    }
  }
}

/// Tiles multiplied together.
inline constexpr int kTilePair = 2;

/// acc[r][16] += MR rows of x times a pair of tiles, over `supers` superblocks.  The order of additions to
/// one element is that of the steps, whatever MR is.  Of fewer than MR rows the last stands in for those that
/// are missing.
template <class T, int MR>
void multiply_tiles(const std::byte* tiles, std::size_t tile_stride, std::int64_t supers, const XBlock* x0,
                    std::int64_t x_stride, std::int64_t rows, float* acc_out) {
  constexpr TileFormat f = T::kFormat;
  constexpr int NT = kTilePair;
  Vec acc[MR][NT];
  const XBlock* x[MR];
  const std::byte* tile[NT];
  DSA_UNROLL
  for (int t = 0; t < NT; ++t) tile[t] = tiles + static_cast<std::size_t>(t) * tile_stride;
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    x[r] = x0 + (r < rows ? r : rows - 1) * x_stride;
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) acc[r][t] = load(acc_out + (r * NT + t) * kTileRows);
  }
  for (std::int64_t super = 0; super < supers; ++super) {
    Vec d[NT], m[NT];
    if constexpr (f.steps > 1) {
      DSA_UNROLL
      for (int t = 0; t < NT; ++t) {
        d[t] = load_halves(tile[t]);
        if constexpr (f.has_min) m[t] = load_halves(tile[t] + 2 * kTileRows);
        tile[t] += f.header_bytes();
      }
    }
    for (int step = 0; step < f.steps; ++step) {
      Vec scale[2][NT], min[2][NT];
      DSA_UNROLL
      for (int t = 0; t < NT; ++t) {
        const std::byte* s = tile[t] + f.plane_bytes();
        if constexpr (f.steps == 1) {
          scale[0][t] = load_halves(s);
          if constexpr (f.has_min) min[0][t] = load_halves(s + 2 * kTileRows);
        } else {
          DSA_UNROLL
          for (int h = 0; h < f.subs; ++h) {
            scale[h][t] = d[t] * load_int8(s + h * kTileRows);
            if constexpr (f.has_min) min[h][t] = m[t] * load_uint8(s + (f.subs + h) * kTileRows);
          }
        }
      }
      add_part<T, 0>(tile, scale[0], min[0], x, acc);
      if constexpr (f.subs == 2) add_part<T, 1>(tile, scale[1], min[1], x, acc);
      DSA_UNROLL
      for (int t = 0; t < NT; ++t) tile[t] += f.step_bytes();
      DSA_UNROLL
      for (int r = 0; r < MR; ++r) ++x[r];
    }
  }
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int t = 0; t < NT; ++t) store(acc_out + (r * NT + t) * kTileRows, acc[r][t]);
  }
}

/// acc[rows, rounded up to fours][16] += x times a pair of tiles.
using TileProduct = void (*)(const std::byte* tile, std::size_t tile_stride, std::int64_t supers,
                             const XBlock* x, std::int64_t x_stride, std::int64_t rows, float* acc);

template <DType kType>
void tile_product(const std::byte* tile, std::size_t tile_stride, std::int64_t supers, const XBlock* x,
                  std::int64_t x_stride, std::int64_t rows, float* acc) {
  using T = Tiles<kType>;
  for (std::int64_t r = 0; r < rows; r += 4) {
    float* out = acc + r * kTilePair * kTileRows;
    if (rows - r == 1)
      multiply_tiles<T, 1>(tile, tile_stride, supers, x + r * x_stride, x_stride, 1, out);
    else
      multiply_tiles<T, 4>(tile, tile_stride, supers, x + r * x_stride, x_stride, rows - r, out);
  }
}

inline TileProduct tile_product_of(DType type) {
  switch (type) {
    case DType::q4_0:
      return tile_product<DType::q4_0>;
    case DType::q4_1:
      return tile_product<DType::q4_1>;
    case DType::q5_0:
      return tile_product<DType::q5_0>;
    case DType::q5_1:
      return tile_product<DType::q5_1>;
    case DType::q8_0:
      return tile_product<DType::q8_0>;
    case DType::q2_k:
      return tile_product<DType::q2_k>;
    case DType::q3_k:
      return tile_product<DType::q3_k>;
    case DType::q4_k:
      return tile_product<DType::q4_k>;
    case DType::q5_k:
      return tile_product<DType::q5_k>;
    case DType::q6_k:
      return tile_product<DType::q6_k>;
    default:
      return nullptr;
  }
}

inline std::int64_t tile_pairs(const WeightView& w) {
  return (w.rows + kTilePair * kTileRows - 1) / (kTilePair * kTileRows);
}

/// A pair of tiles of one output times a block of rows of x, bias added, written to y.
inline void multiply_output(const LinearOutput& out, std::int64_t pair, const XBlock* x,
                            std::int64_t x_stride, std::int64_t first_row, std::int64_t rows) {
  constexpr std::int64_t kMaxRows = 64;
  constexpr std::int64_t kWidth = kTilePair * kTileRows;
  constexpr std::int64_t kChunk = 512;  // inputs packed at once where the weight was not packed at load
  const WeightView& w = out.weight;
  const TileFormat f = tile_format(w.type);
  const TileProduct product = tile_product_of(w.type);
  const std::int64_t supers = w.cols / (kStep * f.steps);
  const std::size_t tile_bytes = static_cast<std::size_t>(supers) * f.super_bytes();
  alignas(64) float acc[kMaxRows * kWidth];
  DSA_DCHECK(rows <= kMaxRows);
  __builtin_memset(acc, 0, static_cast<std::size_t>((rows + 3) / 4 * 4 * kWidth) * sizeof(float));
  const XBlock* xr = x + first_row * x_stride;
  if (w.packed != nullptr) {
    product(w.packed + static_cast<std::size_t>(pair * kTilePair) * tile_bytes, tile_bytes, supers, xr,
            x_stride, rows, acc);
  } else {
    alignas(64)
        std::byte chunk[kTilePair * kChunk * kTileRows * 36 / 32];  // Q8_0, the widest, has 34 bytes in 32
    const std::int64_t most = kChunk / (kStep * f.steps);
    for (std::int64_t first = 0; first < supers; first += most) {
      const std::int64_t count = supers - first < most ? supers - first : most;
      const std::size_t stride = static_cast<std::size_t>(count) * f.super_bytes();
      for (int t = 0; t < kTilePair; ++t)
        pack_tile(w, pair * kTilePair + t, first, count, chunk + static_cast<std::size_t>(t) * stride);
      product(chunk, stride, count, xr + first * f.steps, x_stride, rows, acc);
    }
  }
  const std::int64_t column = pair * kWidth;
  for (std::int64_t r = 0; r < rows; ++r) {
    float* y = out.y.row(first_row + r) + column;
    for (std::int64_t c = 0; c < kWidth && column + c < w.rows; c += Vec::kLanes) {
      const std::int64_t live = w.rows - column - c;
      Vec v = load(acc + r * kWidth + c);
      if (!out.bias.empty()) v = v + load_part(out.bias.data() + column + c, live);
      store_part(y + c, v, live);
    }
  }
}

/// Rows of x rounded to XBlocks.
struct RoundRows {
  TensorView<const float, 2> x;
  XBlock* out;
  void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t blocks = x.cols() / kStep;
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t b = 0; b < blocks; ++b) round_block(x.row(t) + b * kStep, out[t * blocks + b]);
  }
};

/// Outputs of block types.  Work is split into (pair of tiles, x rows) cells, handed out in runs.
void linear_tiles(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs) {
  const std::int64_t n = args.x.rows();
  const std::int64_t blocks = args.x.cols() / kStep;
  auto* x = reinterpret_cast<XBlock*>((reinterpret_cast<std::uintptr_t>(args.scratch.data()) + 63) / 64 * 64);
  const RoundRows round{args.x, x};
  if (n * blocks <= 256)
    round(0, n);
  else
    exec.parallel_for(n, n > 64 ? 8 : 1,
                      [&](std::int64_t begin, std::int64_t end, int) { round(begin, end); });

  // A block of rows stays in the second-level cache while the tiles pass by it.
  const std::int64_t fit = 196608 / (blocks * static_cast<std::int64_t>(sizeof(XBlock))) / 4 * 4;
  const std::int64_t row_block = fit < 8 ? 8 : fit > 64 ? 64 : fit;
  const std::int64_t row_blocks = (n + row_block - 1) / row_block;
  std::int64_t pairs = 0;
  for (const LinearOutput* out : outputs) pairs += tile_pairs(out->weight);
  const std::int64_t cells = pairs * row_blocks;
  const std::int64_t runs = exec.threads() * (n == 1 ? 4 : 8);
  const std::int64_t grain = cells < runs ? 1 : cells / runs;
  exec.parallel_for(cells, grain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t cell = begin; cell < end; ++cell) {
      const std::int64_t rows_at = cell / pairs * row_block;
      std::int64_t pair = cell % pairs;
      const LinearOutput* const* out = outputs.data();
      for (;; ++out) {
        const std::int64_t here = tile_pairs((*out)->weight);
        if (pair < here) break;
        pair -= here;
      }
      multiply_output(**out, pair, x, blocks, rows_at, n - rows_at < row_block ? n - rows_at : row_block);
    }
  });
}
