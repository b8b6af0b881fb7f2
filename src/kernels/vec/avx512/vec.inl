// AVX-512 behind the names that the op bodies use.  Included inside the family's namespace and target region.

/// Rows of x that a product with a tile, or with four weight rows, takes at once: what 32 registers hold.
inline constexpr int kTileBatch = 8;
inline constexpr int kDotBatch = 6;

/// Rows of a product that one pass over a panel serves: as many sums as hide the latency of a multiplication
/// on every processor.
inline constexpr int kProductRows = 12;

/// Queries of an attention tile, and how many of them may be heads of one row.
inline constexpr std::int64_t kMaxQueries = 64;
inline constexpr std::int64_t kMaxTileHeads = 64;

/// 16 floats.
struct Vec {
  static constexpr std::int64_t kLanes = 16;
  __m512 v;
};

inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
/// a * b + c, c - a * b
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
/// The second operand where the first is NaN or they compare equal.
inline Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Vec zero() { return {_mm512_setzero_ps()}; }
inline Vec all(float x) { return {_mm512_set1_ps(x)}; }
inline Vec all(const float* x) { return {_mm512_set1_ps(*x)}; }

/// Lanes [0, count) true.
inline __mmask16 first_lanes(std::int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFFU : count <= 0 ? 0U : (1U << count) - 1U);
}
inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, Vec x) { _mm512_storeu_ps(p, x.v); }
/// The first `count` lanes; the others read nothing and are 0.
inline Vec load_part(const float* p, std::int64_t count) {
  return {_mm512_maskz_loadu_ps(first_lanes(count), p)};
}
inline void store_part(float* p, Vec x, std::int64_t count) {
  _mm512_mask_storeu_ps(p, first_lanes(count), x.v);
}
/// a in the first `count` lanes, b in the others.
inline Vec first_or(std::int64_t count, Vec a, Vec b) {
  return {_mm512_mask_mov_ps(b.v, first_lanes(count), a.v)};
}

inline Vec widen_bf16(__m256i x) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16))};
}
inline Vec load(const bf16* p) { return widen_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
inline Vec load_part(const bf16* p, std::int64_t count) {
  return widen_bf16(_mm256_maskz_loadu_epi16(first_lanes(count), p));
}
/// Of pairs of bf16 the first (at the lower address) or the second.
template <int kSecond>
inline Vec load_of_pairs(const std::uint32_t* p) {
  const __m512i x = _mm512_loadu_si512(p);
  return {_mm512_castsi512_ps(kSecond ? _mm512_and_si512(x, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U)))
                                      : _mm512_slli_epi32(x, 16))};
}
struct Half {
  std::uint16_t bits;
};
inline Vec load(const Half* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline Vec load_part(const Half* p, std::int64_t count) {
  return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(count), p))};
}
struct E4m3 {
  std::uint8_t bits;
};
/// The bits of an e4m3 moved into a float stand for its value times 2^-120, subnormals included.  All ones is
/// NaN, here 480 * 2^-120: see has_nan().
inline constexpr float kE4m3Unit = 0x1p120F;
inline Vec widen_e4m3(__m128i x) {
  const __m512i wide = _mm512_slli_epi32(_mm512_cvtepi8_epi32(x), 20);
  return {_mm512_castsi512_ps(_mm512_and_si512(wide, _mm512_set1_epi32(static_cast<int>(0x87F00000))))};
}
inline Vec load(const E4m3* p) { return widen_e4m3(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
inline Vec load_part(const E4m3* p, std::int64_t count) {
  return widen_e4m3(_mm_maskz_loadu_epi8(first_lanes(count), p));
}
/// True if one of `count` values is NaN.
inline bool has_nan(const E4m3* p, std::int64_t count) {
  __m512i largest = _mm512_setzero_si512();  // of the values without their signs
  const auto look = [&](__m512i x) { largest = _mm512_max_epu8(largest, _mm512_add_epi8(x, x)); };
  std::int64_t i = 0;
  for (; i + 64 <= count; i += 64) look(_mm512_loadu_si512(p + i));
  if (i < count) look(_mm512_maskz_loadu_epi8((std::uint64_t{1} << (count - i)) - 1, p + i));
  return _mm512_cmpeq_epi8_mask(largest, _mm512_set1_epi8(static_cast<char>(0xFE))) != 0;
}
/// 16 floats as bf16, to nearest even; NaN stays NaN.
inline __m256i round_bf16(Vec x) {
  const __m512i u = _mm512_castps_si512(x.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i rounded =
      _mm512_srli_epi32(_mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF))), 16);
  const __m512i quiet = _mm512_or_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(0x40));
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet));
}
inline void store_part(bf16* p, Vec x, std::int64_t count) {
  _mm256_mask_storeu_epi16(p, first_lanes(count), round_bf16(x));
}

/// Fixed trees: the sum and the maximum of the lanes.
inline __m256 upper(Vec x) { return _mm512_extractf32x8_ps(x.v, 1); }
inline __m256 lower(Vec x) { return _mm512_castps512_ps256(x.v); }
inline float sum(Vec x) {
  const __m256 y = _mm256_add_ps(lower(x), upper(x));
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_lane(Vec x) {
  const __m256 y = _mm256_max_ps(lower(x), upper(x));
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/// The sums of four vectors, by one tree, to out[0 .. 4).
inline void store_sums(const Vec (&x)[4], float* out) {
  __m256 y[4];
  for (int i = 0; i < 4; ++i) y[i] = _mm256_add_ps(lower(x[i]), upper(x[i]));
  const __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(y[0], y[1]), _mm256_hadd_ps(y[2], y[3]));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}

/// Sixteen rows of sixteen 32-bit lanes, turned over.
inline void transpose(Vec (&r)[16]) {
  Vec t[16];
  // Within 128-bit lanes: 4 x 4.
  DSA_UNROLL
  for (int i = 0; i < 16; i += 4) {
    const __m512 a = _mm512_unpacklo_ps(r[i].v, r[i + 1].v), b = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
    const __m512 c = _mm512_unpacklo_ps(r[i + 2].v, r[i + 3].v),
                 d = _mm512_unpackhi_ps(r[i + 2].v, r[i + 3].v);
    t[i].v = _mm512_shuffle_ps(a, c, 0x44), t[i + 1].v = _mm512_shuffle_ps(a, c, 0xEE);
    t[i + 2].v = _mm512_shuffle_ps(b, d, 0x44), t[i + 3].v = _mm512_shuffle_ps(b, d, 0xEE);
  }
  // t[4 g + j], 128-bit lane l: column 4 l + j of rows 4 g .. 4 g + 3.
  DSA_UNROLL
  for (int j = 0; j < 4; ++j) {
    const __m512 a = _mm512_shuffle_f32x4(t[j].v, t[4 + j].v, 0x44);
    const __m512 b = _mm512_shuffle_f32x4(t[j].v, t[4 + j].v, 0xEE);
    const __m512 c = _mm512_shuffle_f32x4(t[8 + j].v, t[12 + j].v, 0x44);
    const __m512 d = _mm512_shuffle_f32x4(t[8 + j].v, t[12 + j].v, 0xEE);
    r[j].v = _mm512_shuffle_f32x4(a, c, 0x88), r[4 + j].v = _mm512_shuffle_f32x4(a, c, 0xDD);
    r[8 + j].v = _mm512_shuffle_f32x4(b, d, 0x88), r[12 + j].v = _mm512_shuffle_f32x4(b, d, 0xDD);
  }
}

/// {a0, a0, a1, a1, ...} of the first eight lanes.
inline Vec twice(Vec a) {
  return {_mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), a.v)};
}
/// Pairs (a, b) -> (a c - b s, a s + b c).
inline Vec rotate_pairs(Vec x, Vec c, Vec s) {
  const __m512 swapped = _mm512_permute_ps(x.v, 0xB1);
  return {_mm512_fmaddsub_ps(x.v, c.v, _mm512_mul_ps(swapped, s.v))};
}

/// e^x within 2 ulp; 0 below -104, infinity above 88.73, NaN stays NaN.
inline Vec exp(Vec x) {
  // x = n ln 2 + r, |r| <= ln 2 / 2; e^r by its Taylor series (the seventh term is below half an ulp).
  const Vec bounded = max(all(-105.0F), min(all(90.0F), x));
  const Vec n = {
      _mm512_roundscale_ps((bounded * all(1.44269504F)).v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  const Vec r = fnma(n, all(-2.12194440e-4F), fnma(n, all(0.693359375F), bounded));
  Vec p = all(1.0F / 5040);
  p = fma(p, r, all(1.0F / 720));
  p = fma(p, r, all(1.0F / 120));
  p = fma(p, r, all(1.0F / 24));
  p = fma(p, r, all(1.0F / 6));
  p = fma(p, r, all(0.5F));
  p = fma(p, r, all(1.0F));
  p = fma(p, r, all(1.0F));
  return {_mm512_scalef_ps(p.v, n.v)};
}
inline float exp_of(float x) { return _mm512_cvtss_f32(exp(all(x)).v); }

/// 1 where x > 0, else 0.
inline Vec positive(Vec x) {
  return {
      _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_GT_OQ), _mm512_set1_ps(1.0F))};
}

/// A score as a number that orders like it as a signed integer: NaN as -infinity, -0 as +0.
inline Vec order_keys(Vec score) {
  const __mmask16 nan = _mm512_cmp_ps_mask(score.v, score.v, _CMP_UNORD_Q);
  const __m512 plain =
      _mm512_mask_mov_ps(_mm512_add_ps(score.v, _mm512_setzero_ps()), nan, all(-__builtin_inff()).v);
  const __m512i bits = _mm512_castps_si512(plain);
  const __m512i flip = _mm512_srli_epi32(_mm512_srai_epi32(bits, 31), 1);
  return {_mm512_castsi512_ps(_mm512_xor_si512(bits, flip))};
}
/// Lanes with key >= threshold, as bits.
inline unsigned lanes_at_least(const std::int32_t* keys, std::int32_t threshold) {
  return _mm512_cmpge_epi32_mask(_mm512_loadu_si512(keys), _mm512_set1_epi32(threshold));
}

/// Numbers of the lanes named to the front of a list, and nothing behind them; returns how many.
inline std::int64_t write_lanes(unsigned lanes, const std::int32_t* from, std::int32_t* to) {
  const int count = __builtin_popcount(lanes);
  _mm512_mask_storeu_epi32(
      to, static_cast<__mmask16>((1U << count) - 1U),
      _mm512_maskz_compress_epi32(static_cast<__mmask16>(lanes), _mm512_loadu_si512(from)));
  return count;
}

/// Keys of the lanes named, and their positions first + lane, to the front of two lists; returns how many.
/// May write a whole register to each.  (Compressing in a register and then storing all of it: compressing
/// into memory is slow.)
inline std::int64_t append_lanes(unsigned lanes, const std::int32_t* keys, std::int32_t first,
                                 std::int32_t* to_keys, std::int32_t* to_positions) {
  const auto mask = static_cast<__mmask16>(lanes);
  const __m512i position = _mm512_add_epi32(
      _mm512_set1_epi32(first), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  _mm512_storeu_si512(to_keys, _mm512_maskz_compress_epi32(mask, _mm512_loadu_si512(keys)));
  _mm512_storeu_si512(to_positions, _mm512_maskz_compress_epi32(mask, position));
  return __builtin_popcount(lanes);
}

/// 64 bytes: 16 lanes of 4.
struct Bytes {
  __m512i v;
};
inline Bytes load_bytes(const std::byte* p) { return {_mm512_loadu_si512(p)}; }
/// The same 4 bytes in every lane.
inline Bytes all_bytes(const std::int8_t* p) {
  std::int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return {_mm512_set1_epi32(word)};
}
/// (byte >> shift) & mask, as 8-bit lanes; mask must not reach into the neighbouring byte's bits.
template <int kShift>
inline Bytes bits(Bytes x, int mask) {
  const __m512i shifted = kShift == 0 ? x.v : _mm512_srli_epi16(x.v, kShift);
  return {_mm512_and_si512(shifted, _mm512_set1_epi8(static_cast<char>(mask)))};
}
template <int kShift>
inline Bytes shift_up(Bytes x) {
  return {_mm512_slli_epi16(x.v, kShift)};
}
inline Bytes operator|(Bytes a, Bytes b) { return {_mm512_or_si512(a.v, b.v)}; }

/// 16 exact sums.
struct Ints {
  __m512i v;
};
inline Ints no_ints() { return {_mm512_setzero_si512()}; }
inline Ints operator-(Ints a, Ints b) { return {_mm512_sub_epi32(a.v, b.v)}; }
template <int kShift>
inline Ints all_shifted(const std::int32_t* x) {
  return {_mm512_set1_epi32(*x << kShift)};
}
inline Vec to_float(Ints x) { return {_mm512_cvtepi32_ps(x.v)}; }
/// Byte i of each lane's four.
template <bool kSigned>
inline Ints byte_of(Bytes x, int i) {
  const __m512i high = _mm512_sll_epi32(x.v, _mm_cvtsi32_si128(24 - 8 * i));
  return {kSigned ? _mm512_srai_epi32(high, 24) : _mm512_srli_epi32(high, 24)};
}

/// Sums of products of 4 bytes a lane over the groups of a step: unsigned quants times signed activations.
/// VNNI adds them up in 32 bits; signed quants are moved up by 2^kSignedOffset,
/// which the caller takes off again.
inline constexpr int kSignedOffset = 7;
template <int kChain, bool kSigned>
struct Products {
  Ints total = no_ints();
  template <int kGroup>
  void add(Bytes w, Bytes x) {
    const __m512i u = kSigned ? _mm512_xor_si512(w.v, _mm512_set1_epi8(static_cast<char>(0x80))) : w.v;
    total.v = _mm512_dpbusd_epi32(total.v, u, x.v);
  }
};

/// 16 halves, int8 or uint8 beside each other, as floats.
inline Vec load_halves(const std::byte* p) { return load(reinterpret_cast<const Half*>(p)); }
inline Vec load_int8(const std::byte* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
inline Vec load_uint8(const std::byte* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}

inline std::int32_t total(__m512i x) {
  const __m256i y = _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
  __m128i t = _mm_add_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
  t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(t, _mm_shuffle_epi32(t, 0xB1)));
}

/// Half away from zero, within +-127: truncated, then one more where at least a half was cut off.
inline __m512i to_quants(__m512 y) {
  const __m512 sign = _mm512_set1_ps(-0.0F);
  const __m512 whole = _mm512_roundscale_ps(y, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_andnot_ps(sign, _mm512_sub_ps(y, whole));
  const __m512 one = _mm512_or_ps(_mm512_and_ps(y, sign), _mm512_set1_ps(1.0F));
  const __mmask16 up = _mm512_cmp_ps_mask(rest, _mm512_set1_ps(0.5F), _CMP_GE_OQ);
  const __m512 rounded = _mm512_mask_add_ps(whole, up, whole, one);
  return _mm512_cvtps_epi32(_mm512_max_ps(_mm512_set1_ps(-127), _mm512_min_ps(_mm512_set1_ps(127), rounded)));
}
/// A register's lanes as int8, so rounded.
inline void store_quants(std::int8_t* p, Vec y) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(to_quants(y.v)));
}

/// q8_blocks() of one block, with the sums that tile.h describes.
inline void round_block(const float* x, XBlock& out) {
  const __m512 v[2] = {_mm512_loadu_ps(x), _mm512_loadu_ps(x + 16)};
  const __m512i magnitude = _mm512_set1_epi32(0x7FFFFFFF);  // as integers, so that NaN is the largest of all
  const __m512i largest = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(v[0]), magnitude),
                                           _mm512_and_si512(_mm512_castps_si512(v[1]), magnitude));
  __m256i m8 = _mm256_max_epi32(_mm512_castsi512_si256(largest), _mm512_extracti64x4_epi64(largest, 1));
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(m8), _mm256_extracti128_si256(m8, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1));
  const float d = _mm_cvtss_f32(_mm_castsi128_ps(m)) / 127.0F;
  // A block of zeros (or of numbers whose scale underflows) has the scale 0 and rounds to zeros.
  const __m512 divisor = _mm512_set1_ps(d > 0 ? d : __builtin_inff());
  for (int i = 0; i < 2; ++i) {
    const __m512i q = to_quants(_mm512_div_ps(v[i], divisor));
    _mm_store_si128(reinterpret_cast<__m128i*>(out.q + 16 * i), _mm512_cvtsepi32_epi8(q));
    out.half_q[i] = total(q);
    out.half_s[i] = d * static_cast<float>(out.half_q[i]);
  }
  out.d = d;
  out.q01 = out.half_q[0] + out.half_q[1];
  out.s = d * static_cast<float>(out.q01);
}
