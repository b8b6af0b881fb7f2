// AVX2 behind the names that the op bodies use.  Included inside the family's namespace and target region.

/// Rows of x that a product with a tile, or with four weight rows, takes at once: what 16 registers hold.
inline constexpr int kTileBatch = 4;
inline constexpr int kDotBatch = 3;

/// Rows of a product that one pass over a panel serves: 12 sums, 2 vectors of the panel and 1 of a row fill
/// 16 registers.
inline constexpr int kProductRows = 6;

/// Queries of an attention tile, and how many of them may be heads of one row.
inline constexpr std::int64_t kMaxQueries = 48;
inline constexpr std::int64_t kMaxTileHeads = 32;

/// 8 floats.
struct Vec {
  static constexpr std::int64_t kLanes = 8;
  __m256 v;
};

inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
/// a * b + c, c - a * b
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
/// The second operand where the first is NaN or they compare equal.
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Vec zero() { return {_mm256_setzero_ps()}; }
inline Vec all(float x) { return {_mm256_set1_ps(x)}; }
inline Vec all(const float* x) { return {_mm256_broadcast_ss(x)}; }

/// Lanes [0, count) true.
inline __m256i first_lanes(std::int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store(float* p, Vec x) { _mm256_storeu_ps(p, x.v); }
/// The first `count` lanes; the others read nothing and are 0.
inline Vec load_part(const float* p, std::int64_t count) {
  return count >= 8 ? load(p) : Vec{_mm256_maskload_ps(p, first_lanes(count))};
}
inline void store_part(float* p, Vec x, std::int64_t count) {
  if (count >= 8)
    store(p, x);
  else
    _mm256_maskstore_ps(p, first_lanes(count), x.v);
}
/// a in the first `count` lanes, b in the others.
inline Vec first_or(std::int64_t count, Vec a, Vec b) {
  return {_mm256_blendv_ps(b.v, a.v, _mm256_castsi256_ps(first_lanes(count)))};
}

inline Vec load(const bf16* p) {
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
}
/// Of pairs of bf16 the first (at the lower address) or the second.
template <int kSecond>
inline Vec load_of_pairs(const std::uint32_t* p) {
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm256_castsi256_ps(kSecond ? _mm256_and_si256(x, _mm256_set1_epi32(static_cast<int>(0xFFFF0000U)))
                                      : _mm256_slli_epi32(x, 16))};
}
struct Half {
  std::uint16_t bits;
};
inline Vec load(const Half* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
struct E4m3 {
  std::uint8_t bits;
};
/// The bits of an e4m3 moved into a float stand for its value times 2^-120, subnormals included.  All ones is
/// NaN, here 480 * 2^-120: see has_nan().
inline constexpr float kE4m3Unit = 0x1p120F;
inline Vec load(const E4m3* p) {
  const __m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  const __m256i mask = _mm256_set1_epi32(static_cast<int>(0x87F00000));
  return {_mm256_castsi256_ps(_mm256_and_si256(_mm256_slli_epi32(wide, 20), mask))};
}
/// True if one of `count` values is NaN.
inline bool has_nan(const E4m3* p, std::int64_t count) {
  __m256i largest = _mm256_setzero_si256();  // of the values without their signs
  std::int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i));
    largest = _mm256_max_epu8(largest, _mm256_add_epi8(x, x));
  }
  bool nan = _mm256_movemask_epi8(_mm256_cmpeq_epi8(largest, _mm256_set1_epi8(static_cast<char>(0xFE)))) != 0;
  for (; i < count; ++i) nan |= (p[i].bits & 0x7F) == 0x7F;
  return nan;
}
template <class T>
inline Vec load_part(const T* p, std::int64_t count) {
  if (count >= 8) return load(p);
  T padded[8] = {};
  __builtin_memcpy(padded, p, static_cast<std::size_t>(count) * sizeof(T));  // p may lie at an odd address
  return load(padded);
}

/// Nearest even; NaN stays NaN.
inline void store_part(bf16* p, Vec x, std::int64_t count) {
  const __m256i u = _mm256_castps_si256(x.v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF))), 16);
  const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(0x40));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
  const __m256i bits = _mm256_blendv_epi8(rounded, quiet, nan);
  const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
  if (count >= 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  } else {
    bf16 part[8];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(part), packed);
    for (std::int64_t i = 0; i < count; ++i) p[i] = part[i];
  }
}

/// Fixed trees: the sum and the maximum of the lanes.
inline float sum(Vec x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_lane(Vec x) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/// The sums of four vectors, by one tree, to out[0 .. 4).
inline void store_sums(const Vec (&x)[4], float* out) {
  const __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(x[0].v, x[1].v), _mm256_hadd_ps(x[2].v, x[3].v));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1)));
}

/// Eight rows of eight, turned over.
inline void transpose(Vec (&r)[8]) {
  const __m256 a0 = _mm256_unpacklo_ps(r[0].v, r[1].v), a1 = _mm256_unpackhi_ps(r[0].v, r[1].v);
  const __m256 a2 = _mm256_unpacklo_ps(r[2].v, r[3].v), a3 = _mm256_unpackhi_ps(r[2].v, r[3].v);
  const __m256 a4 = _mm256_unpacklo_ps(r[4].v, r[5].v), a5 = _mm256_unpackhi_ps(r[4].v, r[5].v);
  const __m256 a6 = _mm256_unpacklo_ps(r[6].v, r[7].v), a7 = _mm256_unpackhi_ps(r[6].v, r[7].v);
  const __m256 b0 = _mm256_shuffle_ps(a0, a2, 0x44), b1 = _mm256_shuffle_ps(a0, a2, 0xEE);
  const __m256 b2 = _mm256_shuffle_ps(a1, a3, 0x44), b3 = _mm256_shuffle_ps(a1, a3, 0xEE);
  const __m256 b4 = _mm256_shuffle_ps(a4, a6, 0x44), b5 = _mm256_shuffle_ps(a4, a6, 0xEE);
  const __m256 b6 = _mm256_shuffle_ps(a5, a7, 0x44), b7 = _mm256_shuffle_ps(a5, a7, 0xEE);
  r[0].v = _mm256_permute2f128_ps(b0, b4, 0x20), r[4].v = _mm256_permute2f128_ps(b0, b4, 0x31);
  r[1].v = _mm256_permute2f128_ps(b1, b5, 0x20), r[5].v = _mm256_permute2f128_ps(b1, b5, 0x31);
  r[2].v = _mm256_permute2f128_ps(b2, b6, 0x20), r[6].v = _mm256_permute2f128_ps(b2, b6, 0x31);
  r[3].v = _mm256_permute2f128_ps(b3, b7, 0x20), r[7].v = _mm256_permute2f128_ps(b3, b7, 0x31);
}

/// {a0, a0, a1, a1, ...} of the first four lanes.
inline Vec twice(Vec a) { return {_mm256_permutevar8x32_ps(a.v, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3))}; }
/// Pairs (a, b) -> (a c - b s, a s + b c).
inline Vec rotate_pairs(Vec x, Vec c, Vec s) {
  const __m256 swapped = _mm256_permute_ps(x.v, 0xB1);
  return {_mm256_fmaddsub_ps(x.v, c.v, _mm256_mul_ps(swapped, s.v))};
}

/// e^x within 2 ulp; 0 below -104, infinity above 88.73, NaN stays NaN.
inline Vec exp(Vec x) {
  // x = n ln 2 + r, |r| <= ln 2 / 2; e^r by its Taylor series (the seventh term is below half an ulp); 2^n in
  // two factors, so that subnormal and infinite results come out by themselves.
  const Vec bounded = max(all(-105.0F), min(all(90.0F), x));
  const Vec n = {
      _mm256_round_ps((bounded * all(1.44269504F)).v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  const Vec r = fnma(n, all(-2.12194440e-4F), fnma(n, all(0.693359375F), bounded));
  Vec p = all(1.0F / 5040);
  p = fma(p, r, all(1.0F / 720));
  p = fma(p, r, all(1.0F / 120));
  p = fma(p, r, all(1.0F / 24));
  p = fma(p, r, all(1.0F / 6));
  p = fma(p, r, all(0.5F));
  p = fma(p, r, all(1.0F));
  p = fma(p, r, all(1.0F));
  const __m256i whole = _mm256_cvtps_epi32(n.v);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const Vec a = {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23))};
  const Vec b = {
      _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23))};
  return p * a * b;
}

inline float exp_of(float x) { return _mm256_cvtss_f32(exp(all(x)).v); }

/// 1 where x > 0, else 0.
inline Vec positive(Vec x) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_GT_OQ), _mm256_set1_ps(1.0F))};
}

/// A score as a number that orders like it as a signed integer: NaN as -infinity, -0 as +0.
inline Vec order_keys(Vec score) {
  const __m256 nan = _mm256_cmp_ps(score.v, score.v, _CMP_UNORD_Q);
  const __m256 plain =
      _mm256_blendv_ps(_mm256_add_ps(score.v, _mm256_setzero_ps()), all(-__builtin_inff()).v, nan);
  const __m256i bits = _mm256_castps_si256(plain);
  const __m256i flip = _mm256_srli_epi32(_mm256_srai_epi32(bits, 31), 1);
  return {_mm256_castsi256_ps(_mm256_xor_si256(bits, flip))};
}

/// Lanes with key >= threshold, as bits.
inline unsigned lanes_at_least(const std::int32_t* keys, std::int32_t threshold) {
  const __m256i k = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys));
  const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(threshold), k);
  return ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(below))) & 0xFFU;
}

/// Numbers of the lanes named to the front of a list, and nothing behind them; returns how many.
inline std::int64_t write_lanes(unsigned lanes, const std::int32_t* from, std::int32_t* to) {
  std::int64_t count = 0;
  for (; lanes != 0; lanes &= lanes - 1) to[count++] = from[__builtin_ctz(lanes)];
  return count;
}

/// Keys of the lanes named, and their positions first + lane, to the front of two lists; returns how many.
/// May write a whole register to each.
inline std::int64_t append_lanes(unsigned lanes, const std::int32_t* keys, std::int32_t first,
                                 std::int32_t* to_keys, std::int32_t* to_positions) {
  std::int64_t count = 0;
  for (; lanes != 0; lanes &= lanes - 1, ++count) {
    const int lane = __builtin_ctz(lanes);
    to_keys[count] = keys[lane];
    to_positions[count] = first + lane;
  }
  return count;
}

/// 32 bytes: 8 lanes of 4.
struct Bytes {
  __m256i v;
};
inline Bytes load_bytes(const std::byte* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
/// The same 4 bytes in every lane.
inline Bytes all_bytes(const std::int8_t* p) {
  std::int32_t word;
  __builtin_memcpy(&word, p, sizeof word);
  return {_mm256_set1_epi32(word)};
}
/// (byte >> shift) & mask, as 8-bit lanes; mask must not reach into the neighbouring byte's bits.
template <int kShift>
inline Bytes bits(Bytes x, int mask) {
  const __m256i shifted = kShift == 0 ? x.v : _mm256_srli_epi16(x.v, kShift);
  return {_mm256_and_si256(shifted, _mm256_set1_epi8(static_cast<char>(mask)))};
}
template <int kShift>
inline Bytes shift_up(Bytes x) {
  return {_mm256_slli_epi16(x.v, kShift)};
}
inline Bytes operator|(Bytes a, Bytes b) { return {_mm256_or_si256(a.v, b.v)}; }

/// 8 exact sums.
struct Ints {
  __m256i v;
};
inline Ints no_ints() { return {_mm256_setzero_si256()}; }
inline Ints operator-(Ints a, Ints b) { return {_mm256_sub_epi32(a.v, b.v)}; }
template <int kShift>
inline Ints all_shifted(const std::int32_t* x) {
  return {_mm256_set1_epi32(*x << kShift)};
}
inline Vec to_float(Ints x) { return {_mm256_cvtepi32_ps(x.v)}; }
/// Byte i of each lane's four.
template <bool kSigned>
inline Ints byte_of(Bytes x, int i) {
  const __m256i high = _mm256_sll_epi32(x.v, _mm_cvtsi32_si128(24 - 8 * i));
  return {kSigned ? _mm256_srai_epi32(high, 24) : _mm256_srli_epi32(high, 24)};
}

/// Sums of products of 4 bytes a lane over the groups of a step: unsigned quants times signed activations, or
/// both signed (|w| times x with w's sign: w = -128 is safe, x = -128 does not occur).  int16 holds kChain
/// products before they are widened; groups come in ascending order, a whole number of chains.
inline constexpr int kSignedOffset = 0;
template <int kChain, bool kSigned>
struct Products {
  Ints total = no_ints();
  template <int kGroup>
  void add(Bytes w, Bytes x) {
    const __m256i product = kSigned ? _mm256_maddubs_epi16(_mm256_abs_epi8(w.v), _mm256_sign_epi8(x.v, w.v))
                                    : _mm256_maddubs_epi16(w.v, x.v);
    pairs_ = kGroup % kChain == 0 ? product : _mm256_add_epi16(pairs_, product);
    if constexpr ((kGroup + 1) % kChain == 0)
      total.v = _mm256_add_epi32(total.v, _mm256_madd_epi16(pairs_, _mm256_set1_epi16(1)));
  }

 private:
  __m256i pairs_;
};

/// 8 halves, int8 or uint8 beside each other, as floats.
inline Vec load_halves(const std::byte* p) { return load(reinterpret_cast<const Half*>(p)); }
inline Vec load_int8(const std::byte* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
}
inline Vec load_uint8(const std::byte* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
}

inline std::int32_t total(__m256i a, __m256i b) {
  const __m256i s = _mm256_add_epi32(a, b);
  __m128i t = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  t = _mm_add_epi32(t, _mm_shuffle_epi32(t, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(t, _mm_shuffle_epi32(t, 0xB1)));
}

/// Half away from zero, within +-127: truncated, then one more where at least a half was cut off.
inline __m256i to_quants(__m256 y) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  const __m256 whole = _mm256_round_ps(y, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  const __m256 rest = _mm256_andnot_ps(sign, _mm256_sub_ps(y, whole));
  const __m256 one = _mm256_or_ps(_mm256_and_ps(y, sign), _mm256_set1_ps(1.0F));
  const __m256 up = _mm256_and_ps(_mm256_cmp_ps(rest, _mm256_set1_ps(0.5F), _CMP_GE_OQ), one);
  const __m256 rounded = _mm256_add_ps(whole, up);
  return _mm256_cvtps_epi32(_mm256_max_ps(_mm256_set1_ps(-127), _mm256_min_ps(_mm256_set1_ps(127), rounded)));
}
/// A register's lanes as int8, so rounded.
inline void store_quants(std::int8_t* p, Vec y) {
  const __m256i q = to_quants(y.v);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}

/// q8_blocks() of one block, with the sums that tile.h describes.
inline void round_block(const float* x, XBlock& out) {
  __m256 v[4];
  __m256i largest = _mm256_setzero_si256();  // as integers, so that NaN is the largest of all
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_loadu_ps(x + 8 * i);
    largest =
        _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v[i]), _mm256_set1_epi32(0x7FFFFFFF)));
  }
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1));
  const float d = _mm_cvtss_f32(_mm_castsi128_ps(m)) / 127.0F;
  // A block of zeros (or of numbers whose scale underflows) has the scale 0 and rounds to zeros.
  const __m256 divisor = _mm256_set1_ps(d > 0 ? d : __builtin_inff());
  __m256i q[4];
  for (int i = 0; i < 4; ++i) q[i] = to_quants(_mm256_div_ps(v[i], divisor));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);  // packs works within 128-bit halves
  const __m256i packed = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
  _mm256_store_si256(reinterpret_cast<__m256i*>(out.q), _mm256_permutevar8x32_epi32(packed, order));
  out.d = d;
  out.half_q[0] = total(q[0], q[1]);
  out.half_q[1] = total(q[2], q[3]);
  out.q01 = out.half_q[0] + out.half_q[1];
  for (int h = 0; h < 2; ++h) out.half_s[h] = d * static_cast<float>(out.half_q[h]);
  out.s = d * static_cast<float>(out.q01);
}
