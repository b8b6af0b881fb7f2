// linear over BF16 weights in BF16 products, x rounded to it.  Lane l of an output's sum adds inputs 2l,
// 2l + 1, 2l + 32, ... in ascending order; a fixed tree adds the lanes.
// Needs: vec, steps, linear_pairs, linear_cells, linear_fp8.

inline constexpr int kPairsBatch = 6;              // rows of x that registers hold the sums of
inline constexpr std::int64_t kPairsOutputs = 16;  // that a block of x passes by before the next rows do

/// MR rows of x times NR weight rows where they lie.
template <int MR, int NR>
void dot_pairs(const bf16* x, std::int64_t x_stride, const std::byte* w, std::size_t row_bytes,
               std::int64_t cols, Vec (&sums)[MR][NR]) {
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
      // Rows are too short for the processor to see streams in them: it is told of the next ones.
      if constexpr (MR == 1) __builtin_prefetch(at(NR + c, k), 0, 2);
    }
    add(k, wv);
  }
  if (k == cols) return;
  Pairs wv[NR];
  DSA_UNROLL
  for (int c = 0; c < NR; ++c) wv[c] = load_pairs_part(at(c, k), cols - k);
  add(k, wv);
}

void linear_bf16(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs) {
  const RoundedX x = round_x(exec, args, false);
  const std::int64_t n = args.x.rows(), group = n < kPairsBatch ? kDotRows : kPairsOutputs;
  for_each_cell(exec, outputs, group, n, rows_in_cache(x.stride, kPairsBatch),
                [&](const LinearOutput& out, const Cell& cell) {
                  const WeightView& w = out.weight;
                  const std::int64_t end = w.rows - cell.first < group ? w.rows : cell.first + group;
                  in_steps<kPairsBatch, 3, 2, 1>(
                      cell.first_row, cell.first_row + cell.rows, [&]<int MR>(std::int64_t t) {
                        in_steps<kDotRows, 1>(cell.first, end, [&]<int NR>(std::int64_t first) {
                          Vec sums[MR][NR];
                          dot_pairs<MR, NR>(x.row(t), x.stride,
                                            w.data + static_cast<std::size_t>(first) * w.row_bytes,
                                            w.row_bytes, w.cols, sums);
                          DSA_UNROLL
                          for (int r = 0; r < MR; ++r)
                            finish_outputs<NR>(sums[r], out.bias, first, out.y.row(t + r) + first);
                        });
                      });
                });
}

enum class Arithmetic : std::uint8_t { bf16, fp8, other };

inline Arithmetic arithmetic_of(DType type, Compute compute) {
  if (compute == Compute::f32) return Arithmetic::other;
  if (type == DType::bf16) return compute == Compute::demo ? Arithmetic::other : Arithmetic::bf16;
  return type == DType::f8_e4m3 ? Arithmetic::fp8 : Arithmetic::other;
}

/// FP8 and BF16 outputs here, the others as the float32 family has them.
void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() == 0) return;
  for_each_kind(
      args.outputs, {Arithmetic::bf16, Arithmetic::fp8, Arithmetic::other},
      [&](DType type) { return arithmetic_of(type, args.compute); },
      [&](Arithmetic kind, std::span<const LinearOutput* const> outputs) {
        if (kind == Arithmetic::bf16) linear_bf16(exec, args, outputs);
        if (kind == Arithmetic::fp8) linear_fp8(exec, args, outputs);
        if (kind == Arithmetic::other) linear_by(avx512::linear, exec, args, outputs);
      });
}
