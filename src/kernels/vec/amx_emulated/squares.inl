// What kernels/cpu/amx.h describes, without AMX: a row of sixteen cells at a time, each as square_cell()
// has it. Where the processor would raise a fault a check fails.
// Needs: vec.

/// One thread's squares.
struct Squares {
  SquareConfig config;
  std::byte bytes[kSquares][kSquareRows][kSquareBytes];
};
inline thread_local Squares squares{.config = {.palette = 0}, .bytes = {}};

inline void square_configure(const SquareConfig& config) {
  DSA_CHECK(config.palette == 1 && config.start_row == 0);
  for (const std::uint8_t byte : config.reserved) DSA_CHECK(byte == 0);
  for (int i = 0; i < 16; ++i) {
    DSA_CHECK(config.rows[i] <= kSquareRows && config.row_bytes[i] <= kSquareBytes);
    DSA_CHECK((config.rows[i] == 0) == (config.row_bytes[i] == 0) && (i < kSquares || config.rows[i] == 0));
  }
  squares.config = config;
  __builtin_memset(squares.bytes, 0, sizeof squares.bytes);
}
inline void square_release() { squares.config.palette = 0; }

/// Rows and bytes of a row of square i, which has to be there.
inline int rows_of(int i) {
  DSA_CHECK(squares.config.palette == 1 && squares.config.rows[i] > 0);
  return squares.config.rows[i];
}
inline int row_bytes_of(int i) { return squares.config.row_bytes[i]; }

template <int kTo>
inline void square_zero() {
  static_cast<void>(rows_of(kTo));
  __builtin_memset(squares.bytes[kTo], 0, sizeof squares.bytes[kTo]);
}
template <int kTo>
inline void square_load(const void* p, std::int64_t stride) {
  square_zero<kTo>();
  for (int r = 0; r < rows_of(kTo); ++r)
    __builtin_memcpy(squares.bytes[kTo][r], static_cast<const std::byte*>(p) + r * stride,
                     static_cast<std::size_t>(row_bytes_of(kTo)));
}
template <int kFrom>
inline void square_store(void* p, std::int64_t stride) {
  for (int r = 0; r < rows_of(kFrom); ++r)
    __builtin_memcpy(static_cast<std::byte*>(p) + r * stride, squares.bytes[kFrom][r],
                     static_cast<std::size_t>(row_bytes_of(kFrom)));
}

/// Words of 32 bits that A and B share, which have to fit each other and C.
template <int kC, int kA, int kB>
inline int inner_words() {
  static_assert(kC != kA && kC != kB && kA != kB);
  DSA_CHECK(rows_of(kC) == rows_of(kA) && row_bytes_of(kC) == row_bytes_of(kB));
  DSA_CHECK(row_bytes_of(kA) == 4 * rows_of(kB) && row_bytes_of(kC) % 4 == 0);
  return rows_of(kB);
}

inline __m512i size_bits(__m512 x) {
  return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7FFFFFFF));
}
inline constexpr int kLeastNormal = 0x00800000;
/// Subnormals become zeros of their sign.
inline __m512 flushed(__m512 x) {
  const __mmask16 small = _mm512_cmplt_epi32_mask(size_bits(x), _mm512_set1_epi32(kLeastNormal));
  return _mm512_mask_and_ps(x, small, x, _mm512_set1_ps(-0.0F));
}
/// square_fma() of sixteen, of which c has no subnormals.
inline __m512 fma_flushed(__m512 a, __m512 b, __m512 c) {
  a = flushed(a), b = flushed(b);
  const __m512 sum = _mm512_fmadd_ps(a, b, c);
  // Rounded to the least number: from below or from above, that is said elsewhere.
  if (_mm512_cmpeq_epi32_mask(size_bits(sum), _mm512_set1_epi32(kLeastNormal)) == 0) return flushed(sum);
  alignas(64) float x[3][16];
  _mm512_store_ps(x[0], a), _mm512_store_ps(x[1], b), _mm512_store_ps(x[2], c);
  for (int i = 0; i < 16; ++i) x[2][i] = square_fma(x[0][i], x[1][i], x[2][i]);
  return _mm512_load_ps(x[2]);
}
/// Of sixteen pairs of bf16 the first ones, or the second.
inline __m512 first_of(__m512i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); }
inline __m512 second_of(__m512i x) {
  return _mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U))));
}

template <int kC, int kA, int kB>
inline void square_dot_bf16() {
  const int words = inner_words<kC, kA, kB>();
  for (int r = 0; r < rows_of(kC); ++r) {
    __m512 even = _mm512_setzero_ps(), odd = even;
    for (int k = 0; k < words; ++k) {
      std::int32_t pair;
      __builtin_memcpy(&pair, squares.bytes[kA][r] + 4 * k, sizeof pair);
      const __m512i a = _mm512_set1_epi32(pair), b = _mm512_loadu_si512(squares.bytes[kB][k]);
      even = fma_flushed(first_of(a), first_of(b), even);
      odd = fma_flushed(second_of(a), second_of(b), odd);
    }
    auto* c = reinterpret_cast<float*>(squares.bytes[kC][r]);
    const __m512 sum = flushed(_mm512_add_ps(flushed(_mm512_loadu_ps(c)), flushed(_mm512_add_ps(even, odd))));
    _mm512_storeu_ps(c, sum);
  }
}

/// C += A B of quadruples; bytes of B are of type U.
template <int kC, int kA, int kB, class U>
inline void dot_bytes() {
  const int words = inner_words<kC, kA, kB>();
  for (int r = 0; r < rows_of(kC); ++r) {
    std::int32_t sums[16];
    __builtin_memcpy(sums, squares.bytes[kC][r], sizeof sums);
    for (int k = 0; k < words; ++k) {
      std::int8_t a[4];
      U b[16][4];
      __builtin_memcpy(a, squares.bytes[kA][r] + 4 * k, sizeof a);
      __builtin_memcpy(b, squares.bytes[kB][k], sizeof b);
      for (int n = 0; n < 16; ++n)
        for (int i = 0; i < 4; ++i) sums[n] += a[i] * b[n][i];
    }
    __builtin_memcpy(squares.bytes[kC][r], sums, sizeof sums);
  }
}
template <int kC, int kA, int kB>
inline void square_dot_s8() {
  dot_bytes<kC, kA, kB, std::int8_t>();
}
template <int kC, int kA, int kB>
inline void square_dot_s8_u8() {
  dot_bytes<kC, kA, kB, std::uint8_t>();
}
