// linear over FP8 weights in BF16 products: e4m3 is exact in BF16, x is rounded to it (Compute::automatic)
// or was rounded to e4m3 (Compute::demo).  Lane l of an output's sum adds inputs 2l, 2l + 1, 2l + 32, ...
// of one block of 128 in ascending order; the block's sum times its scale is added to those before;
// a fixed tree adds the lanes.
// Needs: vec, steps, linear_cells.

inline constexpr int kWeightRows = 4;                // taken at once
inline constexpr std::int64_t kBlockBytes = 393216;  // of x at once

/// The high and low bytes of the bf16 that e4m3 magnitudes stand for.
struct alignas(64) E4m3Table {
  std::uint8_t high[128], low[128];
};
inline constexpr E4m3Table kE4m3Table = [] {
  E4m3Table table{};
  for (unsigned magnitude = 0; magnitude < 128; ++magnitude) {
    unsigned exponent = magnitude >> 3, fraction = magnitude & 7;
    if (exponent == 0 && fraction != 0) {  // subnormal: fraction * 2^-9
      for (exponent = 1; fraction < 8; --exponent) fraction *= 2;
      fraction -= 8;
    }
    unsigned bits = magnitude == 0 ? 0 : (exponent + 120) << 7 | fraction << 4;
    if (magnitude == 127) bits = 0x7FC0;
    table.high[magnitude] = static_cast<std::uint8_t>(bits >> 8);
    table.low[magnitude] = static_cast<std::uint8_t>(bits & 0xFF);
  }
  return table;
}();

/// 32 elements of x or of a weight.
struct Pairs {
  static constexpr std::int64_t kElements = 32;
  __m512i v;
};
inline Pairs load_pairs(const bf16* p) { return {_mm512_loadu_si512(p)}; }
inline void store_pairs(bf16* p, Pairs x) { _mm512_storeu_si512(p, x.v); }
/// sum + a0 * b0 + a1 * b1 in each lane.
inline Vec dot(Vec sum, Pairs a, Pairs b) {
  return {_mm512_dpbf16_ps(sum.v, reinterpret_cast<__m512bh>(a.v), reinterpret_cast<__m512bh>(b.v))};
}

/// Bytes of e4m3 that are widened at once.
inline constexpr std::int64_t kWiden = 2 * Pairs::kElements;

inline __m512i look_up(const std::uint8_t (&table)[128], __m512i index) {
  return _mm512_permutex2var_epi8(_mm512_load_si512(table), index, _mm512_load_si512(table + 64));
}
inline void widen_e4m3(__m512i x, Pairs (&out)[2]) {
  // Unpacking works within 128-bit lanes: their bytes are brought there beforehand.
  x = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), x);
  const __m512i low = look_up(kE4m3Table.low, x);
  constexpr int kOrAnd = 0xF8;  // a | (b & c)
  const __m512i high = _mm512_ternarylogic_epi64(look_up(kE4m3Table.high, x), x,
                                                 _mm512_set1_epi8(static_cast<char>(0x80)), kOrAnd);
  out[0].v = _mm512_unpacklo_epi8(low, high);
  out[1].v = _mm512_unpackhi_epi8(low, high);
}

/// FP8 rows read where they lie.
struct StoredRows {
  const std::byte* data;
  std::size_t row_bytes;
  [[nodiscard]] const std::byte* at(std::int64_t row, std::int64_t k) const {
    return data + static_cast<std::size_t>(row) * row_bytes + k;
  }
  /// Elements [k, k + kWiden) of a row, zeros in place of those that are not among the `left` ones from k on.
  void get(std::int64_t row, std::int64_t k, std::int64_t left, Pairs (&out)[2]) const {
    if (left >= kWiden) [[likely]]
      return widen_e4m3(_mm512_loadu_si512(at(row, k)), out);
    const auto some = left <= 0 ? 0 : (std::uint64_t{1} << left) - 1;
    widen_e4m3(_mm512_maskz_loadu_epi8(some, at(row, k)), out);
  }
};

/// The same widened, filled up with zeros.
struct WideRows {
  const bf16* data;
  std::int64_t stride;
  void get(std::int64_t row, std::int64_t k, std::int64_t, Pairs (&out)[2]) const {
    for (int i = 0; i < 2; ++i) out[i] = load_pairs(data + row * stride + k + i * Pairs::kElements);
  }
};

/// x in BF16: rows of a whole number of blocks, filled up with zeros.
struct RoundedX {
  const bf16* data;
  std::int64_t stride;
  [[nodiscard]] const bf16* row(std::int64_t t) const { return data + t * stride; }
};

/// Of each weight row, per 128 inputs.
template <int NR>
struct Scales {
  const float* of[NR];
};

/// acc[MR][NR] (vectors of partial sums, in memory) += MR rows of x times NR weight rows over `count` inputs.
template <int MR, int NR, class W>
void dot_blocks(const bf16* x, std::int64_t x_stride, const W& w, const Scales<NR>& scales,
                std::int64_t count, float* acc_out, std::int64_t acc_stride) {
  Vec acc[MR][NR];
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) acc[r][c] = load(acc_out + r * acc_stride + c * Vec::kLanes);
  }
  for (std::int64_t block = 0; block * kScaleBlock < count; ++block) {
    Vec part[MR][NR];
    DSA_UNROLL
    for (int r = 0; r < MR; ++r) {
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) part[r][c] = zero();
    }
    DSA_UNROLL
    for (int half = 0; half < kScaleBlock / kWiden; ++half) {
      const std::int64_t k = block * kScaleBlock + half * kWiden;
      Pairs wv[NR][2];
      DSA_UNROLL
      for (int c = 0; c < NR; ++c) {
        w.get(c, k, count - k, wv[c]);
        // Rows are too short for the processor to see streams in them: it is told of the next ones.
        if constexpr (std::is_same_v<W, StoredRows>) __builtin_prefetch(w.at(NR + c, k), 0, 2);
      }
      DSA_UNROLL
      for (int i = 0; i < 2; ++i) {
        DSA_UNROLL
        for (int r = 0; r < MR; ++r) {
          const Pairs xv = load_pairs(x + r * x_stride + k + i * Pairs::kElements);
          DSA_UNROLL
          for (int c = 0; c < NR; ++c) part[r][c] = dot(part[r][c], xv, wv[c][i]);
        }
      }
    }
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) {
      const Vec scale = all(scales.of[c] + block);
      DSA_UNROLL
      for (int r = 0; r < MR; ++r) acc[r][c] = fma(part[r][c], scale, acc[r][c]);
    }
  }
  DSA_UNROLL
  for (int r = 0; r < MR; ++r) {
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) store(acc_out + r * acc_stride + c * Vec::kLanes, acc[r][c]);
  }
}

/// acc[rows][NR] = rows of x times weight rows [first, first + NR).  A single row of x reads the weights
/// where they lie, others share what is widened once.
template <int NR>
void dot_weight_rows(const WeightView& w, std::int64_t first, RoundedX x, std::int64_t rows, float* acc,
                     std::int64_t acc_stride) {
  const StoredRows stored{w.data + static_cast<std::size_t>(first) * w.row_bytes, w.row_bytes};
  Scales<NR> scales;
  for (int c = 0; c < NR; ++c)
    scales.of[c] = w.scales + (w.scale_row0 + first + c) / kScaleBlock * w.scale_stride;
  if (rows == 1) return dot_blocks<1, NR>(x.data, 0, stored, scales, w.cols, acc, acc_stride);
  constexpr std::int64_t kChunk = 1024;
  alignas(64) bf16 wide[NR * kChunk];
  for (std::int64_t k0 = 0; k0 < w.cols; k0 += kChunk) {
    const std::int64_t count = w.cols - k0 < kChunk ? w.cols - k0 : kChunk;
    for (int c = 0; c < NR; ++c)
      for (std::int64_t k = 0; k < (count + kScaleBlock - 1) / kScaleBlock * kScaleBlock; k += kWiden) {
        Pairs pairs[2];
        stored.get(c, k0 + k, count - k, pairs);
        for (int i = 0; i < 2; ++i) store_pairs(wide + c * kChunk + k + i * Pairs::kElements, pairs[i]);
      }
    const WideRows view{wide, kChunk};
    in_steps<3, 2, 1>(0, rows, [&]<int MR>(std::int64_t r) {
      dot_blocks<MR, NR>(x.row(r) + k0, x.stride, view, scales, count, acc + r * acc_stride, acc_stride);
    });
    for (int c = 0; c < NR; ++c) scales.of[c] += kChunk / kScaleBlock;
  }
}

/// One output's weight rows [first, first + 4), or those that are left, times a block of rows of x.
inline void dot_cell(const LinearOutput& out, std::int64_t first, RoundedX x, std::int64_t first_row,
                     std::int64_t rows) {
  constexpr std::int64_t kMaxRows = 64, kStride = kWeightRows * Vec::kLanes;
  alignas(64) float acc[kMaxRows * kStride];
  DSA_DCHECK(rows <= kMaxRows);
  __builtin_memset(acc, 0, static_cast<std::size_t>(rows * kStride) * sizeof(float));
  const RoundedX from{x.row(first_row), x.stride};
  const std::int64_t left = out.weight.rows - first, width = left < kWeightRows ? left : kWeightRows;
  if (width == kWeightRows) {
    dot_weight_rows<kWeightRows>(out.weight, first, from, rows, acc, kStride);
  } else {
    for (std::int64_t c = 0; c < width; ++c)
      dot_weight_rows<1>(out.weight, first + c, from, rows, acc + c * Vec::kLanes, kStride);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    Vec sums[kWeightRows];
    DSA_UNROLL
    for (int c = 0; c < kWeightRows; ++c) sums[c] = load(acc + r * kStride + c * Vec::kLanes);
    float y[kWeightRows];
    store_sums(sums, y);
    for (std::int64_t c = 0; c < width; ++c) {
      const float bias = out.bias.empty() ? 0.0F : out.bias[static_cast<std::size_t>(first + c)];
      out.y.row(first_row + r)[first + c] = y[c] + bias;
    }
  }
}

/// Row t of x, rounded to e4m3 before where the demo does so.
inline void round_row(const LinearArgs& args, std::int64_t t, bf16* out) {
  const std::int64_t in = args.x.cols();
  for (std::int64_t k = 0; k < in; k += kScaleBlock) {
    const std::int64_t count = in - k < kScaleBlock ? in - k : kScaleBlock;
    const float* x = args.x.row(t) + k;
    alignas(64) float quantized[kScaleBlock];
    if (args.compute == Compute::demo) {
      const auto size = static_cast<std::size_t>(count);
      act_quant({x, size}, {quantized, size});
      x = quantized;
    }
    for (std::int64_t i = 0; i < kScaleBlock; i += Vec::kLanes)
      store_part(out + k + i, load_part(x + i, count - i), kScaleBlock);
  }
}

/// FP8 outputs.
void linear_fp8(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs) {
  const std::int64_t n = args.x.rows(),
                     stride = (args.x.cols() + kScaleBlock - 1) / kScaleBlock * kScaleBlock;
  std::span<std::byte> scratch = args.scratch;
  bf16* rounded = take<bf16>(scratch, n * stride, 64).data();
  exec.parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) round_row(args, t, rounded + t * stride);
  });
  const RoundedX x{rounded, stride};
  // A block of rows stays in the second-level cache while the weights pass by it.
  const std::int64_t fit = kBlockBytes / (stride * static_cast<std::int64_t>(sizeof(bf16))) / 12 * 12;
  const std::int64_t row_block = fit < 12 ? 12 : fit > 60 ? 60 : fit;
  for_each_cell(exec, outputs, kWeightRows, n, row_block, [&](const LinearOutput& out, const Cell& cell) {
    dot_cell(out, cell.first, x, cell.first_row, cell.rows);
  });
}

/// FP8 outputs here, the others as the float32 family has them.
void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() == 0) return;
  constexpr std::size_t kMost = 16;  // outputs taken at once; no caller has more than a few
  for (std::size_t at = 0; at < args.outputs.size(); at += kMost) {
    const LinearOutput* fp8[kMost];
    LinearOutput others[kMost];
    std::size_t fp8_count = 0, other_count = 0;
    for (std::size_t i = at; i < args.outputs.size() && i < at + kMost; ++i) {
      const LinearOutput& out = args.outputs[i];
      if (args.compute == Compute::f32 || out.weight.type != DType::f8_e4m3)
        others[other_count++] = out;
      else if (out.weight.rows > 0)
        fp8[fp8_count++] = &out;
    }
    if (fp8_count > 0) linear_fp8(exec, args, {fp8, fp8_count});
    if (other_count == 0) continue;
    LinearArgs rest = args;
    rest.outputs = {others, other_count};
    avx512::linear(exec, rest);
  }
}
