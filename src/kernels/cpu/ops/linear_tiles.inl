// linear for ggml block types: tiles of 16 rows (tile.h) times activations rounded to int8.
// Needs: linear_steps, linear_asides; linear_tiles_vectors or linear_tiles_amx.

/// acc[r][16] += MR rows of x times a tile, over `supers` superblocks.  The order of additions to one
/// element is that of the steps, whatever MR is.  Of fewer than MR rows the last stands in for those that are
/// missing.  The first rows that meet a tile ask for what comes, into the second-level cache (the first has
/// fewer requests open at a time than the memory could answer): one row, which reads at the memory's pace, a
/// little ahead; several, whose arithmetic takes as long as the reading, so far that both go on at once.  One
/// row takes the parts one after the other, which keeps every sum in a register, and asks always: to look
/// whether it should costs AVX2 a quarter.
template <class T, int MR>
void multiply_tile(const std::byte* tile, std::int64_t supers, const XBlock* x0, std::int64_t x_stride,
                   std::int64_t rows, bool meets, float* acc_out) {
  constexpr TileFormat f = T::kFormat;
  constexpr int kAtOnce = MR == 1 ? 1 : kTileParts, kRounds = kTileParts / kAtOnce;
  constexpr std::size_t kAhead = MR == 1 ? 1024 : 6144;
  Vec acc[kRounds][MR][kAtOnce];
  const XBlock* x[MR];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    x[r] = x0 + (r < rows ? r : rows - 1) * x_stride;
    DSA_UNROLL
    for (int t = 0; t < kTileParts; ++t)
      acc[t / kAtOnce][r][t % kAtOnce] = load(acc_out + r * kTileRows + t * Vec::kLanes);
  }
  for (std::int64_t super = 0; super < supers; ++super) {
    const std::byte* header = tile;
    tile += f.header_bytes();
    for (int step = 0; step < f.steps; ++step) {
      if (MR == 1 || meets) {
        for (std::size_t line = 0; line < f.step_bytes(); line += 64)
          __builtin_prefetch(tile + kAhead + line, 0, 2);
      }
      DSA_UNROLL
      for (int i = 0; i < kRounds; ++i) add_step<T>(header, tile, i * kAtOnce, x, acc[i]);
      tile += f.step_bytes();
      DSA_UNROLL
      for (int r = 0; r < MR; ++r) ++x[r];
    }
  }
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int t = 0; t < kTileParts; ++t)
      store(acc_out + r * kTileRows + t * Vec::kLanes, acc[t / kAtOnce][r][t % kAtOnce]);
  }
}

/// acc[rows, rounded up to a multiple of 4][16] += x times a tile.
using TileProduct = void (*)(const std::byte* tile, std::int64_t supers, const XBlock* x,
                             std::int64_t x_stride, std::int64_t rows, float* acc);

template <DType kType>
void tile_product(const std::byte* tile, std::int64_t supers, const XBlock* x, std::int64_t x_stride,
                  std::int64_t rows, float* acc) {
  using T = Tiles<kType>;
  std::int64_t r = multiply_many<T>(tile, supers, x, x_stride, rows, acc);
  const auto take = [&]<int MR>() {
    multiply_tile<T, MR>(tile, supers, x + r * x_stride, x_stride, rows - r, r == 0, acc + r * kTileRows);
    r += MR;
  };
  while (rows - r >= kTileBatch - 1) take.template operator()<kTileBatch>();
  if (rows - r > 2) take.template operator()<4>();
  if (rows - r == 2) take.template operator()<2>();
  if (rows - r == 1) take.template operator()<1>();
}

/// What is done with tiles of a type.
struct TileOps {
  TileProduct product = nullptr;
  void (*add_asides)(const std::byte* tile, std::int64_t first, std::span<const Aside> asides,
                     std::int64_t first_row, float* acc) = nullptr;
};

template <DType kType>
inline constexpr TileOps kTileOps{tile_product<kType>, add_asides<Tiles<kType>>};

inline TileOps tile_ops_of(DType type) {
  switch (type) {
    case DType::q4_0:
      return kTileOps<DType::q4_0>;
    case DType::q4_1:
      return kTileOps<DType::q4_1>;
    case DType::q5_0:
      return kTileOps<DType::q5_0>;
    case DType::q5_1:
      return kTileOps<DType::q5_1>;
    case DType::q8_0:
      return kTileOps<DType::q8_0>;
    case DType::q2_k:
      return kTileOps<DType::q2_k>;
    case DType::q3_k:
      return kTileOps<DType::q3_k>;
    case DType::q4_k:
      return kTileOps<DType::q4_k>;
    case DType::q5_k:
      return kTileOps<DType::q5_k>;
    case DType::q6_k:
      return kTileOps<DType::q6_k>;
    default:
      return {};
  }
}

/// A block of rows of x, rounded, and what is set aside of it, by k.
struct XRows {
  const XBlock* x;  // the first row's
  std::int64_t stride, first, count;
  std::span<const Aside> asides;
};

/// A tile of one output times a block of rows of x, bias added, written to y.
inline void multiply_output(const LinearOutput& out, std::int64_t tile, const XRows& x) {
  constexpr std::int64_t kMaxRows = 64;
  constexpr std::int64_t kChunk = 1024;  // inputs packed at once where the weight was not packed at load
  const WeightView& w = out.weight;
  const TileFormat f = tile_format(w.type);
  const TileOps ops = tile_ops_of(w.type);
  const std::int64_t supers = w.cols / (kStep * f.steps);
  alignas(64) float acc[kMaxRows * kTileRows];
  DSA_DCHECK(x.count <= kMaxRows);
  // Three rows are taken as four (tile_product()).
  __builtin_memset(acc, 0, static_cast<std::size_t>((x.count + 3) / 4 * 4 * kTileRows) * sizeof(float));
  if (w.packed != nullptr) {
    const std::byte* packed =
        w.packed + static_cast<std::size_t>(tile) * static_cast<std::size_t>(supers) * f.super_bytes();
    ops.product(packed, supers, x.x, x.stride, x.count, acc);
    ops.add_asides(packed, 0, x.asides, x.first, acc);
  } else {
    alignas(64) std::byte chunk[kChunk * kTileRows * 36 / 32];  // Q8_0, the widest, has 34 bytes in 32
    const std::int64_t most = kChunk / (kStep * f.steps);
    const auto for_each_chunk = [&](const auto& body) {
      for (std::int64_t first = 0; first < supers; first += most) {
        const std::int64_t count = supers - first < most ? supers - first : most;
        pack_tile(w, tile, first, count, chunk);
        body(first, count);
      }
    };
    for_each_chunk([&](std::int64_t first, std::int64_t count) {
      ops.product(chunk, count, x.x + first * f.steps, x.stride, x.count, acc);
    });
    auto asides = x.asides;
    if (!asides.empty())
      for_each_chunk([&](std::int64_t first, std::int64_t count) {
        std::size_t here = 0;
        while (here < asides.size() && asides[here].k < (first + count) * f.steps * kStep) ++here;
        ops.add_asides(chunk, first * f.steps * kStep, asides.first(here), x.first, acc);
        asides = asides.subspan(here);
      });
  }
  const std::int64_t column = tile * kTileRows;
  for (std::int64_t r = 0; r < x.count; ++r) {
    float* y = out.y.row(x.first + r) + column;
    for (std::int64_t c = 0; c < kTileRows && column + c < w.rows; c += Vec::kLanes) {
      const std::int64_t live = w.rows - column - c;
      Vec v = load(acc + r * kTileRows + c);
      if (!out.bias.empty()) v = v + load_part(out.bias.data() + column + c, live);
      store_part(y + c, v, live);
    }
  }
}

/// Outputs of block types.  Work is split into (tile, x rows) cells, handed out in runs; what is to be done
/// beside them comes behind them.
void linear_tiles(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs,
                  const SideCells* side) {
  const std::int64_t n = args.x.rows();
  const std::int64_t blocks = args.x.cols() / kStep;
  auto scratch = args.scratch;
  XBlock* x = take<XBlock>(scratch, n * blocks, 64).data();
  const std::int64_t most = most_asides(args.x.cols());
  const RoundRows round{args.x, x, take<Aside>(scratch, n * most).data(),
                        take<std::int32_t>(scratch, n).data()};
  if (n * blocks <= 256)
    round(0, n);
  else
    exec.parallel_for(n, n > 64 ? 8 : 1,
                      [&](std::int64_t begin, std::int64_t end, int) { round(begin, end); });

  // A block of rows stays in the second-level cache while the tiles pass by it.
  const std::int64_t fit =
      196608 / (blocks * static_cast<std::int64_t>(sizeof(XBlock))) / kRowStep * kRowStep;
  const std::int64_t row_block = fit < kRowStep ? kRowStep : fit > 64 ? 64 : fit;
  const std::int64_t row_blocks = (n + row_block - 1) / row_block;
  const auto rows_of = [&](std::int64_t block) {
    const std::int64_t left = n - block * row_block;
    return left < row_block ? left : row_block;
  };
  std::int32_t* counts = take<std::int32_t>(scratch, row_blocks).data();  // of what is set aside
  const auto gather = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t b = begin; b < end; ++b)
      counts[b] = static_cast<std::int32_t>(round.gather(b * row_block, rows_of(b)));
  };
  if (row_blocks == 1)
    gather(0, 1, 0);
  else
    exec.parallel_for(row_blocks, 1, gather);
  std::int64_t tiles = 0;
  for (const LinearOutput* out : outputs) tiles += tile_count(out->weight);
  const std::int64_t cells = tiles * row_blocks;
  const std::int64_t runs = exec.threads() * (n == 1 ? 4 : 8);
  const std::int64_t all = cells + (side == nullptr ? 0 : side->count), grain = all < runs ? 1 : all / runs;
  exec.parallel_for(all, grain, [&](std::int64_t begin, std::int64_t end, int) {
    if (end > cells) side->run(begin > cells ? begin - cells : 0, end - cells);
    for (std::int64_t cell = begin; cell < end && cell < cells; ++cell) {
      const std::int64_t block = cell / tiles, first = block * row_block;
      std::int64_t tile = cell % tiles;
      const LinearOutput* const* out = outputs.data();
      for (;; ++out) {
        const std::int64_t here = tile_count((*out)->weight);
        if (tile < here) break;
        tile -= here;
      }
      multiply_output(**out, tile,
                      {x + first * blocks,
                       blocks,
                       first,
                       rows_of(block),
                       {round.asides + first * most, static_cast<std::size_t>(counts[block])}});
    }
  });
}
