// MLA's two projections inside attention: the absorbed query and the value up-projection, a head at a time.
// Needs: steps, linear_panel.

inline constexpr std::int64_t kAbsorbColumns =
    256;  // of kv_b widened at once: a whole number of every type's blocks
inline constexpr std::int64_t kAbsorbRows = 16;

/// out[m][c .. c + NV vectors) += sum over i < count of q[m][i] * w[i][c ..), in ascending i.
template <int MR, int NV>
void absorb_at(const float* q, std::int64_t q_stride, const float* w, std::int64_t count, float* out,
               std::int64_t out_stride, std::int64_t c, std::int64_t left) {
  Vec acc[MR][NV];
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v)
      acc[m][v] = load_part(out + m * out_stride + c + v * Vec::kLanes, left - v * Vec::kLanes);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    Vec x[NV];
    DSA_UNROLL
    for (int v = 0; v < NV; ++v) x[v] = load(w + i * kAbsorbColumns + c + v * Vec::kLanes);
    DSA_UNROLL
    for (int m = 0; m < MR; ++m) {
      const Vec value = all(q + m * q_stride + i);
      DSA_UNROLL
      for (int v = 0; v < NV; ++v) acc[m][v] = fma(value, x[v], acc[m][v]);
    }
  }
  DSA_UNROLL
  for (int m = 0; m < MR; ++m) {
    DSA_UNROLL
    for (int v = 0; v < NV; ++v)
      store_part(out + m * out_stride + c + v * Vec::kLanes, acc[m][v], left - v * Vec::kLanes);
  }
}

template <int MR>
void absorb_rows(const float* q, std::int64_t q_stride, const float* w, std::int64_t count, float* out,
                 std::int64_t out_stride, std::int64_t columns) {
  constexpr std::int64_t kWide = 4 * Vec::kLanes;
  std::int64_t c = 0;
  for (; c + kWide <= columns; c += kWide)
    absorb_at<MR, 4>(q, q_stride, w, count, out, out_stride, c, columns - c);
  for (; c < columns; c += Vec::kLanes)
    absorb_at<MR, 1>(q, q_stride, w, count, out, out_stride, c, columns - c);
}

/// The same for one row of q and FP8 weights where they lie: rows [row, row + count), columns [first, first +
/// columns).  False, and nothing done, if they are of another type or their bits may not simply be moved.
inline bool absorb_fp8(const WeightView& w, std::int64_t row, std::int64_t first, std::int64_t columns,
                       const float* q, std::int64_t count, float* out) {
  constexpr int kVectors = 8;
  constexpr std::int64_t kWide = kVectors * Vec::kLanes;  // inputs with one scale
  static_assert(kScaleBlock % kWide == 0 && kAbsorbColumns % kScaleBlock == 0);
  if (w.type != DType::f8_e4m3 || columns % kWide != 0) return false;
  const PlainRows<E4m3> rows{w.data + static_cast<std::size_t>(row) * w.row_bytes, w.row_bytes};
  const float* scales[kAbsorbRows];
  for (std::int64_t i = 0; i < count; ++i) {
    scales[i] = w.scales + (w.scale_row0 + row + i) / kScaleBlock * w.scale_stride + first / kScaleBlock;
    if (has_nan(rows.at(i, first), columns)) return false;
    for (std::int64_t c = 0; c < columns; c += kScaleBlock)
      if (!(scales[i][c / kScaleBlock] < kLargestScale)) return false;
    for (std::int64_t c = 0; c < columns; c += 64) __builtin_prefetch(rows.at(count + i, first + c));
  }
  for (std::int64_t c = 0; c < columns; c += kWide) {
    Vec acc[kVectors];
    DSA_UNROLL
    for (int v = 0; v < kVectors; ++v) acc[v] = load(out + c + v * Vec::kLanes);
    for (std::int64_t i = 0; i < count; ++i) {
      const Vec value = all(q + i), scale = all(scales[i] + c / kScaleBlock) * all(kE4m3Unit);
      DSA_UNROLL
      for (int v = 0; v < kVectors; ++v)
        acc[v] = fma(value, rows.get(i, first + c + v * Vec::kLanes) * scale, acc[v]);
    }
    DSA_UNROLL
    for (int v = 0; v < kVectors; ++v) store(out + c + v * Vec::kLanes, acc[v]);
  }
  return true;
}

/// One head's columns [first, first + columns) for all rows.
inline void absorb_head(const AbsorbQueryArgs& args, std::int64_t h, std::int64_t first,
                        std::int64_t columns) {
  const std::int64_t n = args.q.dim(0), nope = args.q.dim(2);
  alignas(64) float wide[kAbsorbRows * kAbsorbColumns];
  for (std::int64_t t = 0; t < n; ++t)
    __builtin_memset(args.out.row(t, h) + first, 0, static_cast<std::size_t>(columns) * sizeof(float));
  for (std::int64_t d = 0; d < nope; d += kAbsorbRows) {
    const std::int64_t count = nope - d < kAbsorbRows ? nope - d : kAbsorbRows;
    if (n == 1 && absorb_fp8(args.kv_b, h * args.head_rows + d, first, columns, args.q.row(0, h) + d, count,
                             args.out.row(0, h) + first))
      continue;
    for (std::int64_t i = 0; i < count; ++i)
      widen_row(args.kv_b, h * args.head_rows + d + i, first, columns, wide + i * kAbsorbColumns);
    in_steps<3, 1>(0, n, [&]<int MR>(std::int64_t t) {
      absorb_rows<MR>(args.q.row(t, h) + d, args.q.stride(0), wide, count, args.out.row(t, h) + first,
                      args.out.stride(0), columns);
    });
  }
}

void absorb_query(Exec& exec, const AbsorbQueryArgs& args) {
  const std::int64_t n = args.q.dim(0), heads = args.q.dim(1), rank = args.kv_b.cols;
  if (n == 0) return;
  DSA_CHECK(args.q.dim(2) <= args.head_rows && args.kv_b.rows == heads * args.head_rows);
  DSA_CHECK(args.out.dim(0) == n && args.out.dim(1) == heads && args.out.dim(2) == rank);
  const std::int64_t parts = (rank + kAbsorbColumns - 1) / kAbsorbColumns;
  exec.parallel_for(heads * parts, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % parts * kAbsorbColumns;
      absorb_head(args, i / parts, first, rank - first < kAbsorbColumns ? rank - first : kAbsorbColumns);
    }
  });
}

void expand_value(Exec& exec, const ExpandValueArgs& args) {
  const std::int64_t n = args.o.dim(0), heads = args.o.dim(1), v_dim = args.out.dim(2);
  if (n == 0) return;
  DSA_CHECK(v_dim <= args.head_rows && args.kv_b.rows == heads * args.head_rows);
  DSA_CHECK(args.o.dim(2) == args.kv_b.cols && args.out.dim(0) == n && args.out.dim(1) == heads);
  const std::int64_t nope = args.head_rows - v_dim;
  exec.parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t h = begin; h < end; ++h) {
      const TensorView<const float, 2> o(args.o.row(0, h), {n, args.o.dim(2)}, {args.o.stride(0), 1});
      const LinearOutput out{args.kv_b, {}, {args.out.row(0, h), {n, v_dim}, {args.out.stride(0), 1}}};
      float_outputs(out, h * args.head_rows + nope, v_dim, o);
    }
  });
}
