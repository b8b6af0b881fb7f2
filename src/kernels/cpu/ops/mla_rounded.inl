// MLA's two projections inside attention over FP8 and BF16 weights, in BF16 products; those over others are
// left to the float32 family.
//
// The absorbed query runs over rows of a weight: two of them beside each other are pairs, 64 columns of up to
// 128 rows with one scale are a page, and the page's products times the scale are added to those before.  The
// value is linear's product, a head at a time.
// Needs: vec, pairs, linear_pairs, linear_cells; of the family kPageRows, HeldRegisters, multiply_page,
// kRowsHere, round_here, multiply_here.

inline bool in_pairs(const WeightView& w, Compute compute) {
  return compute == Compute::automatic && (w.type == DType::bf16 || w.type == DType::f8_e4m3);
}

/// Columns [c, c + 64) of a weight row, zeros where there are none.
inline void load_columns(const WeightView& w, std::int64_t row, std::int64_t c, Pairs (&out)[2]) {
  const StoredRows stored{w.data, w.row_bytes};
  if (w.type == DType::f8_e4m3) return stored.widen(row, c, w.cols - c, out);
  const auto* from = reinterpret_cast<const bf16*>(stored.at(row, 0)) + c;
  for (int i = 0; i < 2; ++i)
    out[i] = load_pairs_part(from + i * Pairs::kElements, w.cols - c - i * Pairs::kElements);
}

/// Rows [row, row + count), columns [c, c + 64), to page[pair of rows][64].
inline void pair_rows(const WeightView& w, std::int64_t row, std::int64_t count, std::int64_t c,
                      std::uint32_t* page) {
  for (std::int64_t i = 0; i < count; i += 2, page += kPageTokens) {
    Pairs a[2], b[2] = {{_mm512_setzero_si512()}, {_mm512_setzero_si512()}};
    load_columns(w, row + i, c, a);
    if (i + 1 < count) load_columns(w, row + i + 1, c, b);
    for (int half = 0; half < 2; ++half) {
      const PairedRows paired = pair_up(a[half], b[half]);
      store_pairs(page + half * 2 * Vec::kLanes, paired.low);
      store_pairs(page + (half * 2 + 1) * Vec::kLanes, paired.high);
    }
  }
}

/// Rows from `row` on, at most `left`, that make a page: those of one scale.
inline std::int64_t rows_of_page(const WeightView& w, std::int64_t row, std::int64_t left) {
  const std::int64_t most =
      w.type == DType::f8_e4m3 ? kScaleBlock - (w.scale_row0 + row) % kScaleBlock : kScaleBlock;
  return left < most ? left : most;
}

/// One head's columns [c, c + 64), or those that are left, for all rows of q.
inline void absorb_columns(const AbsorbQueryArgs& args, std::int64_t h, std::int64_t c,
                           HeldRegisters& registers) {
  const WeightView& w = args.kv_b;
  const std::int64_t n = args.q.dim(0), nope = args.q.dim(2), columns = w.cols - c;
  alignas(64) std::uint32_t page[kScaleBlock / 2 * kPageTokens];
  alignas(64) bf16 q[kPageRows * kScaleBlock];
  alignas(64) float products[kPageRows * kPageTokens];
  for (std::int64_t d = 0, count = 0; d < nope; d += count) {
    const std::int64_t row = h * args.head_rows + d;
    count = rows_of_page(w, row, nope - d);
    pair_rows(w, row, count, c, page);
    const Vec scale =
        all(w.type == DType::f8_e4m3
                ? w.scales[(w.scale_row0 + row) / kScaleBlock * w.scale_stride + c / kScaleBlock]
                : 1.0F);
    for (std::int64_t t = 0; t < n; t += kPageRows) {
      const std::int64_t rows = n - t < kPageRows ? n - t : kPageRows;
      for (std::int64_t r = 0; r < rows; ++r)
        round_to(args.q.row(t + r, h) + d, count, kScaleBlock, q + r * kScaleBlock);
      multiply_page(registers, reinterpret_cast<const std::uint32_t*>(q), kScaleBlock / 2,
                    static_cast<int>(rows), page, (count + 1) / 2, products, [] {});
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t i = 0; i < kPageTokens; i += Vec::kLanes) {
          float* out = args.out.row(t + r, h) + c + i;
          const Vec before = d == 0 ? zero() : load_part(out, columns - i);
          store_part(out, fma(load(products + r * kPageTokens + i), scale, before), columns - i);
        }
    }
  }
}

void absorb_query(Exec& exec, const AbsorbQueryArgs& args) {
  const std::int64_t n = args.q.dim(0), heads = args.q.dim(1), rank = args.kv_b.cols;
  if (!in_pairs(args.kv_b, args.compute) || args.q.dim(2) == 0) return avx512::absorb_query(exec, args);
  if (n == 0) return;
  DSA_CHECK(args.q.dim(2) <= args.head_rows && args.kv_b.rows == heads * args.head_rows);
  DSA_CHECK(args.out.dim(0) == n && args.out.dim(1) == heads && args.out.dim(2) == rank);
  const std::int64_t parts = (rank + kPageTokens - 1) / kPageTokens;
  exec.parallel_for(heads * parts, 4, [&](std::int64_t begin, std::int64_t end, int) {
    HeldRegisters registers;
    for (std::int64_t i = begin; i < end; ++i)
      absorb_columns(args, i / parts, i % parts * kPageTokens, registers);
  });
}

inline constexpr std::int64_t kAtHand = 16384;  // elements of rows that wait, rounded, for a head's weights

void expand_value(Exec& exec, const ExpandValueArgs& args) {
  const std::int64_t n = args.o.dim(0), heads = args.o.dim(1), v_dim = args.out.dim(2), rank = args.o.dim(2);
  const std::int64_t stride = (rank + kScaleBlock - 1) / kScaleBlock * kScaleBlock;
  if (!in_pairs(args.kv_b, args.compute) || stride > kAtHand) return avx512::expand_value(exec, args);
  if (n == 0) return;
  DSA_CHECK(v_dim <= args.head_rows && args.kv_b.rows == heads * args.head_rows);
  DSA_CHECK(rank == args.kv_b.cols && args.out.dim(0) == n && args.out.dim(1) == heads);
  const std::int64_t nope = args.head_rows - v_dim, fit = stride == 0 ? kRowsHere : kAtHand / stride,
                     block = fit < kRowsHere ? fit : kRowsHere, blocks = (n + block - 1) / block;
  exec.parallel_for(heads * blocks, 1, [&](std::int64_t begin, std::int64_t end, int) {
    alignas(64) bf16 rounded[kAtHand];
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t h = i / blocks, t = i % blocks * block, rows = n - t < block ? n - t : block;
      const LinearArgs of_head{
          .x = {args.o.row(t, h), {rows, rank}, {args.o.stride(0), 1}}, .outputs = {}, .scratch = {}};
      const LinearOutput out{args.kv_b.row_slice(h * args.head_rows + nope, v_dim),
                             {},
                             {args.out.row(t, h), {rows, v_dim}, {args.out.stride(0), 1}}};
      multiply_here(out, round_here(of_head, rounded), rows);
    }
  });
}
