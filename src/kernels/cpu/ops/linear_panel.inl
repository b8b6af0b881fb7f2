// linear in float32 for many rows of x: a panel of weight rows and a few rows of x stay in the first-level
// cache while they are multiplied.  The sums are those of linear_dot.inl.
// Needs: vec, steps, linear_cells, linear_dot.

inline constexpr std::int64_t kPanelFloats = 4096;   // half of a first-level cache
inline constexpr std::int64_t kHeldRows = 60;        // of x, whose sums wait for the next chunk of inputs
inline constexpr std::int64_t kBlockFloats = 49152;  // of x that pass by a panel: they stay in the next cache

/// Of a panel and what it is multiplied by.  Short rows are there whole, and their sums leave the registers
/// as outputs; of longer ones there is a chunk at a time.
struct PanelShape {
  explicit PanelShape(std::int64_t cols)
      : rows(cols <= kPanelFloats / 16 ? 16 : 8), chunk(kPanelFloats / rows) {
    const std::int64_t fit = kBlockFloats / (cols > 0 ? cols : 1) / 12 * 12;
    block = fit < 12 ? 12 : cols > chunk && fit > kHeldRows ? kHeldRows : fit;
  }
  std::int64_t rows, chunk;  // of the weight, and of its inputs
  std::int64_t block;        // rows of x
};

/// Where the sums of a block of rows and a panel stand between two chunks, and where they go.
struct PanelSums {
  static constexpr std::int64_t kStride = 8 * Vec::kLanes;  // a panel of 16 has one chunk
  const LinearOutput& out;
  float* acc;
  bool begins, ends;  // the first chunk; the last one
};

/// MR rows of x, from the block's r-th on, which is row `row` of all, times NR weight rows, from the panel's
/// c-th on, which is output `first`, over a chunk of `count` inputs.
template <int MR, int NR>
void dot_chunk(const float* x, std::int64_t x_stride, const PlainRows<float>& w, std::int64_t count,
               PanelSums& sums, std::int64_t r0, std::int64_t c0, std::int64_t row, std::int64_t first) {
  float* acc = sums.acc + r0 * PanelSums::kStride + c0 * Vec::kLanes;
  Vec held[MR][NR];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c)
      held[r][c] = sums.begins ? zero() : load(acc + r * PanelSums::kStride + c * Vec::kLanes);
  }
  dot_block<MR, NR>(x, x_stride, w, 0, count, held);
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    if (sums.ends) {
      finish_outputs<NR>(held[r], sums.out.bias, first, sums.out.y.row(row + r) + first);
      continue;
    }
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) store(acc + r * PanelSums::kStride + c * Vec::kLanes, held[r][c]);
  }
}

/// Outputs [first, first + width), at most a panel of them, for a block of rows of x; output o is weight row
/// row0 + o.
inline void panel_output(const LinearOutput& out, std::int64_t row0, std::int64_t first, std::int64_t width,
                         TensorView<const float, 2> x, std::int64_t first_row, std::int64_t rows) {
  const WeightView& w = out.weight;
  const PanelShape shape(w.cols);
  DSA_DCHECK(rows <= shape.block && width <= shape.rows);
  alignas(64) float wide[kPanelFloats], acc[kHeldRows * PanelSums::kStride];
  PanelSums sums{out, acc, true, false};
  for (std::int64_t k0 = 0; k0 < w.cols || sums.begins; k0 += shape.chunk) {
    const std::int64_t count = w.cols - k0 < shape.chunk ? w.cols - k0 : shape.chunk;
    sums.ends = k0 + count == w.cols;
    PlainRows<float> view{reinterpret_cast<const std::byte*>(wide),
                          static_cast<std::size_t>(shape.chunk) * sizeof(float)};
    if (w.type == DType::f32) {
      view = {w.data + static_cast<std::size_t>(row0 + first) * w.row_bytes +
                  static_cast<std::size_t>(k0) * sizeof(float),
              w.row_bytes};
    } else {
      for (std::int64_t r = 0; r < width; ++r)
        widen_row(w, row0 + first + r, k0, count, wide + r * shape.chunk);
    }
    in_steps<kDotBatch, 3, 2, 1>(0, rows, [&]<int MR>(std::int64_t r) {
      const float* xr = x.row(first_row + r) + k0;
      const auto take = [&]<int NR>(std::int64_t c) {
        const PlainRows<float> from{view.data + static_cast<std::size_t>(c) * view.row_bytes, view.row_bytes};
        dot_chunk<MR, NR>(xr, x.stride(0), from, count, sums, r, c, first_row + r, first + c);
      };
      std::int64_t c = 0;
      for (; c + kDotRows <= width; c += kDotRows) take.template operator()<kDotRows>(c);
      for (; c < width; ++c) take.template operator()<1>(c);
    });
    sums.begins = false;
  }
}

/// The same for few rows too: `width` is at most kDotRows then.
inline void float_cell(const LinearOutput& out, std::int64_t row0, std::int64_t first, std::int64_t width,
                       TensorView<const float, 2> x, std::int64_t first_row, std::int64_t rows) {
  if (x.rows() < kDotBatch)
    dot_output(out, row0, first, width, x, first_row, rows);
  else
    panel_output(out, row0, first, width, x, first_row, rows);
}

/// The first `width` outputs for any number of rows of x, one thread's.
inline void float_outputs(const LinearOutput& out, std::int64_t row0, std::int64_t width,
                          TensorView<const float, 2> x) {
  const std::int64_t n = x.rows();
  const PanelShape shape(x.cols());
  const std::int64_t step = n < kDotBatch ? kDotRows : shape.rows;
  for (std::int64_t t = 0; t < n; t += shape.block) {
    const std::int64_t rows = n - t < shape.block ? n - t : shape.block;
    for (std::int64_t c = 0; c < width; c += step) {
      const std::int64_t here = width - c < step ? width - c : step;
      float_cell(out, row0, c, here, x, t, rows);
    }
  }
}

/// Outputs computed in float32 from x.
void linear_dot(Exec& exec, TensorView<const float, 2> x, std::span<const LinearOutput* const> outputs) {
  const std::int64_t n = x.rows();
  const bool few = n < kDotBatch;
  const PanelShape shape(x.cols());
  const std::int64_t group = few ? kDotRows : shape.rows;
  // Rows this short end before the processor has seen streams in them: it is told of the next ones.
  const std::int64_t ahead = few ? 2 * group : group;
  for_each_cell(exec, {outputs, group, n, shape.block}, [&](const LinearOutput& out, const Cell& cell) {
    const WeightView& w = out.weight;
    if (w.data != nullptr && w.row_bytes <= 2048) {
      if (few && cell.begins_run) fetch_rows(w, cell.first, ahead);
      fetch_rows(w, cell.first + ahead, group);
    }
    const std::int64_t width = w.rows - cell.first < group ? w.rows - cell.first : group;
    float_cell(out, 0, cell.first, width, x, cell.first_row, cell.rows);
  });
}
