// linear over FP8 and BF16 weights by squares: up to sixteen weight rows are A, BF16 where they lie, FP8
// widened; sixteen rows of x, turned over, are B.  The products of 32 inputs are one instruction.  BF16 rows
// are summed in C from the first input to the last; of FP8 the C of 128 inputs times their scale is added to
// those before.
// Needs: vec, linear_pairs, linear_cells, squares.

inline constexpr std::int64_t kSquareInputs = Pairs::kElements;  // of an instruction
inline constexpr std::int64_t kSquareGroups = 4;                 // of sixteen rows of x, at once
inline constexpr std::int64_t kSquareCells = kSquareRows * kSquareRows;

/// x in BF16 by sixteen rows, or as many as are left: [pair][row], a whole number of scales' inputs.
struct TurnedX {
  std::uint32_t* data;
  std::int64_t n, pairs;  // rows of x, words of each
  [[nodiscard]] int rows(std::int64_t first) const {
    return static_cast<int>(n - first < kSquareRows ? n - first : kSquareRows);
  }
  /// Of rows from `first` on, a multiple of sixteen, from input k on.
  [[nodiscard]] std::uint32_t* at(std::int64_t first, std::int64_t k) const {
    return data + first * pairs + k / 2 * rows(first);
  }
};

/// `rows` rows of x from `first` on, inputs [k, k + kScaleBlock), to out[pair][row].
inline void turn_part(const LinearArgs& args, bool fp8, std::int64_t first, int rows, std::int64_t k,
                      std::uint32_t* out) {
  constexpr std::int64_t kPairs = kScaleBlock / 2;
  alignas(64) bf16 rounded[kSquareRows * kScaleBlock];
  for (int r = 0; r < rows; ++r) round_part(args, fp8, first + r, k, rounded + r * kScaleBlock);
  if (rows == 1) return static_cast<void>(__builtin_memcpy(out, rounded, kPairs * sizeof *out));
  for (std::int64_t p = 0; p < kPairs; p += Vec::kLanes) {
    Vec turned[kSquareRows];
    for (int r = 0; r < kSquareRows; ++r)
      turned[r] = r < rows ? load(reinterpret_cast<const float*>(rounded + r * kScaleBlock + 2 * p)) : zero();
    transpose(turned);
    for (int i = 0; i < kSquareRows; ++i)
      store_part(reinterpret_cast<float*>(out + (p + i) * rows), turned[i], rows);
  }
}

/// All of x, in scratch.
inline TurnedX turn_x(Exec& exec, const LinearArgs& args, bool fp8) {
  const std::int64_t n = args.x.rows(), stride = pairs_stride(args);
  std::span<std::byte> scratch = args.scratch;
  const TurnedX x{take<std::uint32_t>(scratch, n * stride / 2, 64).data(), n, stride / 2};
  const std::int64_t groups = (n + kSquareRows - 1) / kSquareRows, parts = stride / kScaleBlock;
  exec.parallel_for(groups * parts, 8, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i / parts * kSquareRows, k = i % parts * kScaleBlock;
      turn_part(args, fp8, first, x.rows(first), k, x.at(first, k));
    }
  });
  return x;
}

/// Squares C of group g and of those behind it += A times x, where there are such groups.
template <int g>
inline void add_groups(const TurnedX& x, std::int64_t first, std::int64_t groups, std::int64_t k) {
  if constexpr (g < kSquareGroups) {
    if (g >= groups) return;
    const std::int64_t row = first + g * kSquareRows;
    square_load<6 + g % 2>(x.at(row, k), 4 * x.rows(row));
    square_dot_bf16<g, 4, 6 + g % 2>();
    add_groups<g + 1>(x, first, groups, k);
  }
}
inline void zero_squares() { square_zero<0>(), square_zero<1>(), square_zero<2>(), square_zero<3>(); }
/// C of the groups to out[group][weight row][row of x].
template <int g>
inline void store_groups(std::int64_t groups, float* out) {
  if constexpr (g < kSquareGroups) {
    if (g >= groups) return;
    square_store<g>(out + g * kSquareCells, kSquareBytes);
    store_groups<g + 1>(groups, out);
  }
}

/// Weight rows [first, first + count) times groups of rows of x from `row` on, to sums[group][weight row][row
/// of x].
inline void multiply_bf16(const WeightView& w, std::int64_t first, int count, const TurnedX& x,
                          std::int64_t row, std::int64_t groups, float* sums) {
  const std::byte* data = w.data + static_cast<std::size_t>(first) * w.row_bytes;
  zero_squares();
  const std::int64_t whole = w.cols / kSquareInputs * kSquareInputs;
  for (std::int64_t k = 0; k < whole; k += kSquareInputs) {
    square_load<4>(data + 2 * k, static_cast<std::int64_t>(w.row_bytes));
    add_groups<0>(x, row, groups, k);
  }
  if (whole < w.cols) {
    alignas(64) bf16 rest[kSquareRows * kSquareInputs];
    for (int r = 0; r < count; ++r)
      store_pairs(rest + r * kSquareInputs,
                  load_pairs_part(reinterpret_cast<const bf16*>(
                                      data + static_cast<std::size_t>(r) * w.row_bytes + 2 * whole),
                                  w.cols - whole));
    square_load<4>(rest, kSquareBytes);
    add_groups<0>(x, row, groups, whole);
  }
  store_groups<0>(groups, sums);
}

inline void multiply_fp8(const WeightView& w, std::int64_t first, int count, const TurnedX& x,
                         std::int64_t row, std::int64_t groups, float* sums) {
  constexpr int kParts = kScaleBlock / kSquareInputs;
  const StoredRows stored{w.data + static_cast<std::size_t>(first) * w.row_bytes, w.row_bytes};
  alignas(64) bf16 wide[kParts * kSquareRows * kSquareInputs];  // [part][weight row][input]
  alignas(64) float products[kSquareGroups * kSquareCells];
  __builtin_memset(sums, 0, static_cast<std::size_t>(groups * kSquareCells) * sizeof(float));
  for (std::int64_t k = 0; k < w.cols; k += kScaleBlock) {
    for (int r = 0; r < count; ++r)
      for (int part = 0; part < kParts; part += 2) {
        Pairs pairs[2];
        const std::int64_t at = k + part * kSquareInputs;
        stored.widen(r, at, w.cols - at, pairs);
        __builtin_prefetch(stored.at(kSquareRows + r, at), 0, 2);
        for (int i = 0; i < 2; ++i)
          store_pairs(wide + ((part + i) * kSquareRows + r) * kSquareInputs, pairs[i]);
      }
    zero_squares();
    for (int part = 0; part < kParts; ++part) {
      square_load<4>(wide + part * kSquareRows * kSquareInputs, kSquareBytes);
      add_groups<0>(x, row, groups, k + part * kSquareInputs);
    }
    store_groups<0>(groups, products);
    for (int r = 0; r < count; ++r) {
      const Vec scale =
          all(w.scales + (w.scale_row0 + first + r) / kScaleBlock * w.scale_stride + k / kScaleBlock);
      for (std::int64_t g = 0; g < groups; ++g) {
        float* to = sums + g * kSquareCells + r * kSquareRows;
        store(to, fma(load(products + g * kSquareCells + r * kSquareRows), scale, load(to)));
      }
    }
  }
}

/// Outputs [first, first + count) of up to sixteen rows of x, from row t on, whose sums are [output][row].
inline void finish_square(const float* sums, const LinearOutput& out, std::int64_t first, int count,
                          std::int64_t t, int rows) {
  Vec turned[kSquareRows];
  for (int i = 0; i < kSquareRows; ++i) turned[i] = i < count ? load(sums + i * kSquareRows) : zero();
  transpose(turned);
  for (int r = 0; r < rows; ++r) {
    if (!out.bias.empty()) turned[r] = turned[r] + load_part(out.bias.data() + first, count);
    store_part(out.y.row(t + r) + first, turned[r], count);
  }
}

/// Outputs [cell.first, cell.first + 16), or those that are left, of the cell's rows of x.
inline void square_output(const LinearOutput& out, const Cell& cell, const TurnedX& x) {
  const WeightView& w = out.weight;
  const int count = static_cast<int>(w.rows - cell.first < kSquareRows ? w.rows - cell.first : kSquareRows);
  alignas(64) float sums[kSquareGroups * kSquareCells];
  ProductSquares squares;
  const std::int64_t end = cell.first_row + cell.rows;
  for (std::int64_t t = cell.first_row; t < end;) {
    const std::int64_t whole = (end - t) / kSquareRows;
    const std::int64_t groups = whole == 0 ? 1 : whole < kSquareGroups ? whole : kSquareGroups;
    const int rows = x.rows(t);  // of each group
    squares.shape(count, kSquareWords, rows);
    if (w.type == DType::bf16)
      multiply_bf16(w, cell.first, count, x, t, groups, sums);
    else
      multiply_fp8(w, cell.first, count, x, t, groups, sums);
    for (std::int64_t g = 0; g < groups; ++g, t += rows)
      finish_square(sums + g * kSquareCells, out, cell.first, count, t, rows);
  }
}

/// Outputs whose weights are all FP8, or all BF16.
void linear_squares(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs) {
  const TurnedX x = turn_x(exec, args, outputs.front()->weight.type == DType::f8_e4m3);
  for_each_cell(exec, {outputs, kSquareRows, x.n, rows_in_cache(2 * x.pairs, kSquareRows)},
                [&](const LinearOutput& out, const Cell& cell) { square_output(out, cell, x); });
}
