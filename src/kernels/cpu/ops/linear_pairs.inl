// Pairs of BF16: rows of x rounded to them, e4m3 widened to them.  e4m3 is exact in BF16.
// Needs: vec, pairs.

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
  void widen(std::int64_t row, std::int64_t k, std::int64_t left, Pairs (&out)[2]) const {
    if (left >= kWiden) [[likely]]
      return widen_e4m3(_mm512_loadu_si512(at(row, k)), out);
    const auto some = left <= 0 ? 0 : (std::uint64_t{1} << left) - 1;
    widen_e4m3(_mm512_maskz_loadu_epi8(some, at(row, k)), out);
  }
  /// Calls add(k, those of NR rows) for both halves.  Rows are too short for the processor to see streams in
  /// them: it is told of the next ones.
  template <int NR, class Add>
  [[gnu::always_inline]] void with(std::int64_t k, std::int64_t left, const Add& add) const {
    Pairs halves[2][NR];
    DSA_UNROLL
    for (int c = 0; c < NR; ++c) {
      Pairs pairs[2];
      widen(c, k, left, pairs);
      halves[0][c] = pairs[0], halves[1][c] = pairs[1];
      __builtin_prefetch(at(NR + c, k), 0, 2);
    }
    add(k, halves[0]);
    add(k + Pairs::kElements, halves[1]);
  }
};

/// `count` floats as bf16, and zeros up to `padded` of them.
inline void round_to(const float* x, std::int64_t count, std::int64_t padded, bf16* out) {
  for (std::int64_t i = 0; i < padded; i += Vec::kLanes)
    store_part(out + i, load_part(x + i, count - i), padded - i);
}

/// Row t of x from input k on, as many as share a scale of e4m3, zeros where there are no more; rounded to
/// e4m3 first for the FP8 weights of the demo.
inline void round_part(const LinearArgs& args, bool fp8, std::int64_t t, std::int64_t k, bf16* out) {
  const std::int64_t left = args.x.cols() - k, count = left < kScaleBlock ? left : kScaleBlock;
  const float* x = args.x.row(t) + k;
  alignas(64) float quantized[kScaleBlock];
  if (fp8 && args.compute == Compute::demo) {
    const auto size = static_cast<std::size_t>(count);
    act_quant({x, size}, {quantized, size});
    x = quantized;
  }
  round_to(x, count, kScaleBlock, out);
}

/// Elements of a row of x in BF16: a whole number of scales'.
inline std::int64_t pairs_stride(const LinearArgs& args) {
  return (args.x.cols() + kScaleBlock - 1) / kScaleBlock * kScaleBlock;
}

/// x in BF16: rows filled up with zeros.
struct RoundedX {
  const bf16* data;
  std::int64_t stride;
  [[nodiscard]] const bf16* row(std::int64_t t) const { return data + t * stride; }
};

/// All of x, in scratch.
inline RoundedX round_x(Exec& exec, const LinearArgs& args, bool fp8) {
  const std::int64_t n = args.x.rows(), stride = pairs_stride(args);
  std::span<std::byte> scratch = args.scratch;
  bf16* rounded = take<bf16>(scratch, n * stride, 64).data();
  exec.parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t k = 0; k < stride; k += kScaleBlock)
        round_part(args, fp8, t, k, rounded + t * stride + k);
  });
  return {rounded, stride};
}

/// Rows of x of so many elements that stay in the second-level cache while weights pass by them: a whole
/// number of `step`.
inline std::int64_t rows_in_cache(std::int64_t stride, std::int64_t step) {
  constexpr std::int64_t kBytes = 393216;
  const std::int64_t row_bytes = stride * static_cast<std::int64_t>(sizeof(bf16));
  const std::int64_t fit = kBytes / (row_bytes > 0 ? row_bytes : 1) / step * step;
  return fit < step ? step : fit;
}
