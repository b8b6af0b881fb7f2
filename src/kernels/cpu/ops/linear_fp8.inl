// linear over FP8 weights in BF16 products: e4m3 is exact in BF16, x is rounded to it (Compute::automatic)
// or was rounded to e4m3 (Compute::demo).  Lane l of an output's sum adds inputs 2l, 2l + 1, 2l + 32, ...
// of one block of 128 in ascending order; the block's sum times its scale is added to those before;
// a fixed tree adds the lanes.
// Needs: vec, steps, pairs, linear_pairs, linear_cells.

/// The same widened, filled up with zeros.
struct WideRows {
  const bf16* data;
  std::int64_t stride;
  template <int NR, class Add>
  [[gnu::always_inline]] void with(std::int64_t k, std::int64_t, const Add& add) const {
    DSA_UNROLL
    for (int i = 0; i < 2; ++i, k += Pairs::kElements) {
      Pairs pairs[NR];
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) {
        pairs[c] = load_pairs(data + c * stride + k);
        __asm__("" : "+v"(pairs[c].v));  // once: the compiler would load it for each row of x
      }
      add(k, pairs);
    }
  }
};

/// Of each weight row, per 128 inputs.
template <int NR>
struct Scales {
  const float* of[NR];
};

inline constexpr std::int64_t kPanelRows = 16;     // of the weight, widened once for many rows of x
inline constexpr std::int64_t kPanelInputs = 512;  // that are widened at once
inline constexpr std::int64_t kMostRows = 60;      // of x, whose sums wait for the next inputs

/// Vectors of partial sums in memory, of kPanelRows outputs a row of x.
struct PartialSums {
  static constexpr std::int64_t kStride = kPanelRows * Vec::kLanes;
  float* data;
  bool begin;  // with the inputs at hand: there is nothing yet
  [[nodiscard]] float* at(std::int64_t row, std::int64_t output) const {
    return data + row * kStride + output * Vec::kLanes;
  }
};

/// acc[MR][NR], from its row r and output o on, += MR rows of x times NR weight rows over `count` inputs.
template <int MR, int NR, class W>
void dot_blocks(const bf16* x, std::int64_t x_stride, const W& w, const Scales<NR>& scales,
                std::int64_t count, const PartialSums& acc, std::int64_t r0, std::int64_t c0) {
  Vec sums[MR][NR];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) sums[r][c] = acc.begin ? zero() : load(acc.at(r0 + r, c0 + c));
  }
  for (std::int64_t block = 0; block * kScaleBlock < count; ++block) {
    Vec part[MR][NR];
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) part[r][c] = zero();
    }
    const auto add = [&](std::int64_t k, const Pairs(&wv)[NR]) __attribute__((always_inline)) {
      DSA_UNROLL
      for (int r = 0; r < MR; ++r) {
        const Pairs xv = load_pairs(x + r * x_stride + k);
        DSA_UNROLL
        for (int c = 0; c < NR; ++c) part[r][c] = dot(part[r][c], xv, wv[c]);
      }
    };
    DSA_UNROLL
    for (int i = 0; i < kScaleBlock / kWiden; ++i) {
      const std::int64_t k = block * kScaleBlock + i * kWiden;
      w.template with<NR>(k, count - k, add);
    }
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) {
      const Vec scale = all(scales.of[c] + block);
      DSA_UNROLL
      for (int r = 0; r < MR; ++r) sums[r][c] = fma(part[r][c], scale, sums[r][c]);
    }
  }
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) store(acc.at(r0 + r, c0 + c), sums[r][c]);
  }
}

/// Of weight rows [first, first + NR), from input k0 on, a multiple of a scale's.
template <int NR>
Scales<NR> scales_of(const WeightView& w, std::int64_t first, std::int64_t k0) {
  Scales<NR> scales;
  for (int c = 0; c < NR; ++c)
    scales.of[c] = w.scales + (w.scale_row0 + first + c) / kScaleBlock * w.scale_stride + k0 / kScaleBlock;
  return scales;
}

/// Inputs [k0, k0 + count) of weight rows [first, first + width), filled up to whole scales with zeros, to
/// out[row][kPanelInputs].  Asks for the panel that comes next: of the same rows, or of those behind them.
inline void widen_panel(const WeightView& w, std::int64_t first, std::int64_t width, std::int64_t k0,
                        std::int64_t count, bf16* out) {
  const StoredRows stored{w.data + static_cast<std::size_t>(first) * w.row_bytes, w.row_bytes};
  const std::int64_t padded = (count + kScaleBlock - 1) / kScaleBlock * kScaleBlock;
  const bool last = k0 + kPanelInputs >= w.cols;
  for (std::int64_t c = 0; c < width; ++c, out += kPanelInputs)
    for (std::int64_t k = 0; k < padded; k += kWiden) {
      Pairs pairs[2];
      __builtin_prefetch(last ? stored.at(c + kPanelRows, k) : stored.at(c, k0 + k + kPanelInputs), 0, 2);
      stored.widen(c, k0 + k, count - k, pairs);
      for (int i = 0; i < 2; ++i) store_pairs(out + k + i * Pairs::kElements, pairs[i]);
    }
}

/// One output's weight rows [first, first + width), at most a panel of them, times rows of x.
inline void dot_panel(const LinearOutput& out, std::int64_t first, std::int64_t width, const RoundedX& x,
                      std::int64_t first_row, std::int64_t rows) {
  const WeightView& w = out.weight;
  alignas(64) float sums[kMostRows * PartialSums::kStride];
  alignas(64) bf16 wide[kPanelRows * kPanelInputs];
  PartialSums acc{sums, true};
  DSA_DCHECK(rows <= kMostRows && width <= kPanelRows);
  for (std::int64_t k0 = 0; k0 < w.cols || acc.begin; k0 += kPanelInputs, acc.begin = false) {
    const std::int64_t count = w.cols - k0 < kPanelInputs ? w.cols - k0 : kPanelInputs;
    widen_panel(w, first, width, k0, count, wide);
    in_steps<3, 2, 1>(0, rows, [&]<int MR>(std::int64_t r) {
      in_steps<kDotRows, 1>(0, width, [&]<int NR>(std::int64_t c) {
        dot_blocks<MR, NR>(x.row(first_row + r) + k0, x.stride,
                           WideRows{wide + c * kPanelInputs, kPanelInputs}, scales_of<NR>(w, first + c, k0),
                           count, acc, r, c);
      });
    });
  }
  for (std::int64_t c = 0; c < width; c += kDotRows)
    finish_cell(acc.at(0, c), acc.kStride, out, first + c, width - c < kDotRows ? width - c : kDotRows,
                first_row, rows);
}

inline constexpr std::int64_t kFewRows = 3;

/// The same for few rows of x, which read the weights where they lie.
inline void dot_in_place(const LinearOutput& out, std::int64_t first, std::int64_t width, const RoundedX& x,
                         std::int64_t first_row, std::int64_t rows) {
  const WeightView& w = out.weight;
  alignas(64) float sums[kFewRows * PartialSums::kStride];
  const PartialSums acc{sums, true};
  in_steps<3, 2, 1>(0, rows, [&]<int MR>(std::int64_t r) {
    in_steps<kDotRows, 1>(0, width, [&]<int NR>(std::int64_t c) {
      const StoredRows stored{w.data + static_cast<std::size_t>(first + c) * w.row_bytes, w.row_bytes};
      dot_blocks<MR, NR>(x.row(first_row + r), x.stride, stored, scales_of<NR>(w, first + c, 0), w.cols, acc,
                         r, c);
    });
  });
  finish_cell(acc.data, acc.kStride, out, first, width, first_row, rows);
}

inline std::int64_t fp8_group(std::int64_t n) { return n <= kFewRows ? kDotRows : kPanelRows; }

inline void fp8_cell(const LinearOutput& out, const Cell& cell, std::int64_t group, const RoundedX& x) {
  const std::int64_t left = out.weight.rows - cell.first, width = left < group ? left : group;
  if (cell.rows <= kFewRows && width <= kDotRows)
    dot_in_place(out, cell.first, width, x, cell.first_row, cell.rows);
  else
    dot_panel(out, cell.first, width, x, cell.first_row, cell.rows);
}

void linear_fp8(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs) {
  const RoundedX x = round_x(exec, args, true);
  const std::int64_t n = args.x.rows(), group = fp8_group(n);
  for_each_cell(exec, {outputs, group, n, kMostRows},
                [&](const LinearOutput& out, const Cell& cell) { fp8_cell(out, cell, group, x); });
}
