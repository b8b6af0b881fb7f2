// linear over BF16 weights in BF16 products, x rounded to it.  Lane l of an output's sum adds inputs 2l,
// 2l + 1, 2l + 32, ... in ascending order; a fixed tree adds the lanes.
// Needs: vec, steps, pairs, linear_pairs, linear_cells.

inline constexpr int kPairsBatch = 6;              // rows of x that registers hold the sums of
inline constexpr std::int64_t kPairsOutputs = 16;  // that a block of x passes by before the next rows do

/// MR rows of x times NR weight rows where they lie; if these rows of x are the first that meet them, those
/// that come next are asked for: rows are too short for the processor to see streams in them.
template <int MR, int NR>
void dot_pairs(const bf16* x, std::int64_t x_stride, const std::byte* w, std::size_t row_bytes,
               std::int64_t cols, bool meets, Vec (&sums)[MR][NR]) {
  const auto at = [&](int c, std::int64_t k) {
    return reinterpret_cast<const bf16*>(w + static_cast<std::size_t>(c) * row_bytes) + k;
  };
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) sums[r][c] = zero();
  }
  const auto add = [&](std::int64_t k, const Pairs(&wv)[NR]) __attribute__((always_inline)) {
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      const Pairs xv = load_pairs(x + r * x_stride + k);
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) sums[r][c] = dot(sums[r][c], xv, wv[c]);
    }
  };
  std::int64_t k = 0;
  for (; k + Pairs::kElements <= cols; k += Pairs::kElements) {
    Pairs wv[NR];
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) {
      wv[c] = load_pairs(at(c, k));
      if (meets) __builtin_prefetch(at(NR + c, k), 0, 2);
    }
    add(k, wv);
  }
  if (k == cols) return;
  Pairs wv[NR];
  DSA_UNROLL
  for (int c = 0; c < NR; ++c) wv[c] = load_pairs_part(at(c, k), cols - k);
  add(k, wv);
}

inline std::int64_t bf16_group(std::int64_t n) { return n < kPairsBatch ? kDotRows : kPairsOutputs; }

inline void bf16_cell(const LinearOutput& out, const Cell& cell, std::int64_t group, const RoundedX& x) {
  const WeightView& w = out.weight;
  const std::int64_t end = w.rows - cell.first < group ? w.rows : cell.first + group;
  in_steps<kPairsBatch, 3, 2, 1>(cell.first_row, cell.first_row + cell.rows, [&]<int MR>(std::int64_t t) {
    in_steps<kDotRows, 1>(cell.first, end, [&]<int NR>(std::int64_t first) {
      Vec sums[MR][NR];
      dot_pairs<MR, NR>(x.row(t), x.stride, w.data + static_cast<std::size_t>(first) * w.row_bytes,
                        w.row_bytes, w.cols, t == cell.first_row, sums);
      DSA_UNROLL
      for (int r = 0; r < MR; ++r) finish_outputs<NR>(sums[r], out.bias, first, out.y.row(t + r) + first);
    });
  });
}

inline Cells bf16_cells(std::span<const LinearOutput* const> outputs, const RoundedX& x, std::int64_t n) {
  return {outputs, bf16_group(n), n, rows_in_cache(x.stride, kPairsBatch)};
}

void linear_bf16(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs) {
  const RoundedX x = round_x(exec, args, false);
  const Cells cells = bf16_cells(outputs, x, args.x.rows());
  for_each_cell(exec, cells,
                [&](const LinearOutput& out, const Cell& cell) { bf16_cell(out, cell, cells.group, x); });
}
