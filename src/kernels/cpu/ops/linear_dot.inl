// linear in float32: dot products along the inputs, a vector at a time, for plain element types and, under
// Compute::f32, for everything.  Lane l of an output's sum adds inputs l, l + kLanes, ... in ascending
// order; a fixed tree adds the lanes.
// Needs: vec, linear_cells.

/// Rows of a plain type, read where they lie.
template <class T>
struct PlainRows {
  const std::byte* data;
  std::size_t row_bytes;
  void begin_block(std::int64_t) {}
  /// Asks for a block of the next NR rows: neighbouring streams this short teach the processor too late.
  template <int NR>
  void prefetch(std::int64_t k) const {
    DSA_UNROLL
    for (int r = 0; r < NR; ++r) {
      const T* p = at(NR + r, k);
      for (std::int64_t i = 0; i < kScaleBlock; i += static_cast<std::int64_t>(64 / sizeof(T)))
        __builtin_prefetch(p + i, 0, 2);
    }
  }
  [[nodiscard]] const T* at(std::int64_t row, std::int64_t k) const {
    return reinterpret_cast<const T*>(data + static_cast<std::size_t>(row) * row_bytes) + k;
  }
  [[nodiscard]] Vec get(std::int64_t row, std::int64_t k) const { return load(at(row, k)); }
  [[nodiscard]] Vec get_part(std::int64_t row, std::int64_t k, std::int64_t count) const {
    return load_part(at(row, k), count);
  }
};

/// Scales below it times kE4m3Unit are finite.
inline constexpr float kLargestScale = 128.0F;

/// FP8 rows: each value times the scale of its 128 x 128 block, rounded once.
template <int NR>
struct Fp8Rows {
  PlainRows<E4m3> rows;
  const float* scales[NR];  // of each row's block row
  Vec scale[NR];
  template <int N>
  void prefetch(std::int64_t k) const {
    rows.template prefetch<N>(k);
  }
  void begin_block(std::int64_t block) {
    DSA_UNROLL
    for (int r = 0; r < NR; ++r) scale[r] = all(scales[r] + block) * all(kE4m3Unit);
  }
  /// True where the moved bits do not give what dequantize_row() gives: NaN, and scales whose
  /// product with kE4m3Unit might overflow.
  [[nodiscard]] bool is_odd_block(std::int64_t block, std::int64_t count) const {
    bool odd = false;
    DSA_UNROLL
    for (int r = 0; r < NR; ++r)
      odd |= !(scales[r][block] < kLargestScale) || has_nan(rows.at(r, block * kScaleBlock), count);
    return odd;
  }
  /// A block of a row as dequantize_row() gives it.
  void dequantize_block(std::int64_t row, std::int64_t block, std::int64_t count, float* out) const {
    dequantize(DType::f8_e4m3, reinterpret_cast<const std::byte*>(rows.at(row, block * kScaleBlock)),
               {out, static_cast<std::size_t>(count)});
    for (std::int64_t i = 0; i < count; ++i) out[i] *= scales[row][block];
  }
  [[nodiscard]] Vec get(std::int64_t row, std::int64_t k) const { return rows.get(row, k) * scale[row]; }
  [[nodiscard]] Vec get_part(std::int64_t row, std::int64_t k, std::int64_t count) const {
    return rows.get_part(row, k, count) * scale[row];
  }
};

/// acc += MR rows of x times NR weight rows over inputs [k, end); input 0 of w is x's.
template <int MR, int NR, class W>
[[gnu::always_inline]] inline void dot_block(const float* x, std::int64_t x_stride, const W& w,
                                             std::int64_t k, std::int64_t end, Vec (&acc)[MR][NR]) {
  for (; k + Vec::kLanes <= end; k += Vec::kLanes) {
    Vec wv[NR];
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) wv[c] = w.get(c, k);
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      const Vec xv = load(x + r * x_stride + k);
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) acc[r][c] = fma(xv, wv[c], acc[r][c]);
    }
  }
  if (k < end) {
    for (int r = 0; r < MR; ++r) {
      const Vec xv = load_part(x + r * x_stride + k, end - k);
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) acc[r][c] = fma(xv, w.get_part(c, k, end - k), acc[r][c]);
    }
  }
}

/// acc[MR][NR] (vectors of partial sums, in memory) += x rows times weight rows over inputs [k0, k1) of x;
/// the weight's input 0 is x's k0.
template <int MR, int NR, class W>
void dot_rows(const float* x, std::int64_t x_stride, W w, std::int64_t k0, std::int64_t k1, float* acc_out,
              std::int64_t acc_stride) {
  Vec acc[MR][NR];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) acc[r][c] = load(acc_out + r * acc_stride + c * Vec::kLanes);
  }
  const float* xr = x + k0;
  const std::int64_t count = k1 - k0;
  const auto add_block = [&](std::int64_t k, std::int64_t here) __attribute__((always_inline)) {
    w.template prefetch<NR>(k);
    if constexpr (std::is_same_v<W, Fp8Rows<NR>>) {
      if (w.is_odd_block(k / kScaleBlock, here)) [[unlikely]] {
        alignas(64) float wide[NR * kScaleBlock];
        for (int c = 0; c < NR; ++c) w.dequantize_block(c, k / kScaleBlock, here, wide + c * kScaleBlock);
        const PlainRows<float> view{reinterpret_cast<const std::byte*>(wide), kScaleBlock * sizeof(float)};
        return dot_block<MR, NR>(xr + k, x_stride, view, 0, here, acc);
      }
    }
    w.begin_block(k / kScaleBlock);
    dot_block<MR, NR>(xr, x_stride, w, k, k + here, acc);
  };
  std::int64_t k = 0;
  for (; k + kScaleBlock <= count; k += kScaleBlock) add_block(k, kScaleBlock);
  if (k < count) add_block(k, count - k);
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) store(acc_out + r * acc_stride + c * Vec::kLanes, acc[r][c]);
  }
}

/// Fewer rows of x than a panel is worth (linear_panel.inl).
template <int NR, class W>
void dot_all_rows(const float* x, std::int64_t x_stride, std::int64_t rows, const W& w, std::int64_t k0,
                  std::int64_t k1, float* acc, std::int64_t acc_stride) {
  // A loop, and no in_steps(): that keeps the product of a single row inlined, which decoding is made of.
  // Guesses are checked in twos and threes: weights that are in the caches cost more to widen than to read.
  std::int64_t r = 0;
  while (rows - r > 1) {
    if ((rows - r) % 2 != 0) {
      dot_rows<3, NR>(x + r * x_stride, x_stride, w, k0, k1, acc + r * acc_stride, acc_stride);
      r += 3;
    } else {
      dot_rows<2, NR>(x + r * x_stride, x_stride, w, k0, k1, acc + r * acc_stride, acc_stride);
      r += 2;
    }
  }
  if (r < rows) dot_rows<1, NR>(x + r * x_stride, x_stride, w, k0, k1, acc + r * acc_stride, acc_stride);
}

/// A weight of any type as the dot products see it.
template <int NR>
void dot_in_place(const WeightView& w, std::int64_t first, const float* x, std::int64_t x_stride,
                  std::int64_t rows, float* acc, std::int64_t acc_stride) {
  const std::byte* data = w.data + static_cast<std::size_t>(first) * w.row_bytes;
  const auto run = [&](const auto& view) {
    dot_all_rows<NR>(x, x_stride, rows, view, 0, w.cols, acc, acc_stride);
  };
  switch (w.type) {
    case DType::f32:
      return run(PlainRows<float>{data, w.row_bytes});
    case DType::bf16:
      return run(PlainRows<bf16>{data, w.row_bytes});
    case DType::f16:
      return run(PlainRows<Half>{data, w.row_bytes});
    default:
      break;
  }
  Fp8Rows<NR> view{{data, w.row_bytes}, {}, {}};
  for (int r = 0; r < NR; ++r)
    view.scales[r] = w.scales + (w.scale_row0 + first + r) / kScaleBlock * w.scale_stride;
  run(view);
}

/// Elements [k0, k0 + count) of the view's row 0; k0 is a multiple of 128.
template <class W>
void widen_view(W view, std::int64_t k0, std::int64_t count, float* out) {
  for (std::int64_t k = 0; k < count; k += kScaleBlock) {
    const std::int64_t block = (k0 + k) / kScaleBlock,
                       here = k + kScaleBlock < count ? kScaleBlock : count - k;
    if constexpr (std::is_same_v<W, Fp8Rows<1>>) {
      if (view.is_odd_block(block, here)) [[unlikely]] {
        view.dequantize_block(0, block, here, out + k);
        continue;
      }
    }
    view.begin_block(block);
    std::int64_t i = k;
    for (; i + Vec::kLanes <= k + here; i += Vec::kLanes) store(out + i, view.get(0, k0 + i));
    if (i < k + here) store_part(out + i, view.get_part(0, k0 + i, k + here - i), k + here - i);
  }
}

/// Inputs [k0, k0 + count) of row `row` as floats.  k0 is a multiple of 256.
inline void widen_row(const WeightView& w, std::int64_t row, std::int64_t k0, std::int64_t count,
                      float* out) {
  if (w.data == nullptr) return unpack_tile_row(w, row, k0, count, out);
  const std::byte* data = w.data + static_cast<std::size_t>(row) * w.row_bytes;
  if (is_quantized_block(w.type)) {
    const DTypeTraits& t = traits(w.type);
    dequantize(w.type, data + static_cast<std::size_t>(k0 / t.block_elements) * t.block_bytes,
               {out, static_cast<std::size_t>(count)});
    return;
  }
  switch (w.type) {
    case DType::f32:
      return widen_view(PlainRows<float>{data, w.row_bytes}, k0, count, out);
    case DType::bf16:
      return widen_view(PlainRows<bf16>{data, w.row_bytes}, k0, count, out);
    case DType::f16:
      return widen_view(PlainRows<Half>{data, w.row_bytes}, k0, count, out);
    default:
      break;
  }
  DSA_DCHECK(w.type == DType::f8_e4m3);
  const float* scales = w.scales + (w.scale_row0 + row) / kScaleBlock * w.scale_stride;
  widen_view(Fp8Rows<1>{{data, w.row_bytes}, {scales}, {}}, k0, count, out);
}

/// acc[rows][NR] = x times weight rows [first, first + NR).
template <int NR>
void dot_weight(const WeightView& w, std::int64_t first, const float* x, std::int64_t x_stride,
                std::int64_t rows, float* acc, std::int64_t acc_stride) {
  constexpr std::int64_t kChunk = 1024;
  if (!is_quantized_block(w.type)) return dot_in_place<NR>(w, first, x, x_stride, rows, acc, acc_stride);
  alignas(64) float wide[NR * kChunk];
  for (std::int64_t k0 = 0; k0 < w.cols; k0 += kChunk) {
    const std::int64_t count = w.cols - k0 < kChunk ? w.cols - k0 : kChunk;
    for (int r = 0; r < NR; ++r) widen_row(w, first + r, k0, count, wide + r * kChunk);
    const PlainRows<float> view{reinterpret_cast<const std::byte*>(wide), kChunk * sizeof(float)};
    dot_all_rows<NR>(x, x_stride, rows, view, k0, k0 + count, acc, acc_stride);
  }
}

/// Outputs [first, first + width), at most kDotRows of them, for fewer than kDotBatch rows of x;
/// output o is weight row row0 + o.
inline void dot_output(const LinearOutput& out, std::int64_t row0, std::int64_t first, std::int64_t width,
                       TensorView<const float, 2> x, std::int64_t first_row, std::int64_t rows) {
  constexpr std::int64_t kStride = kDotRows * Vec::kLanes;
  alignas(64) float acc[kDotBatch * kStride];
  DSA_DCHECK(rows < kDotBatch && width <= kDotRows);
  __builtin_memset(acc, 0, static_cast<std::size_t>(rows * kStride) * sizeof(float));
  const float* xr = x.row(first_row);
  if (width == kDotRows) {
    dot_weight<kDotRows>(out.weight, row0 + first, xr, x.stride(0), rows, acc, kStride);
  } else {
    for (std::int64_t c = 0; c < width; ++c)
      dot_weight<1>(out.weight, row0 + first + c, xr, x.stride(0), rows, acc + c * Vec::kLanes, kStride);
  }
  finish_cell(acc, kStride, out, first, width, first_row, rows);
}
