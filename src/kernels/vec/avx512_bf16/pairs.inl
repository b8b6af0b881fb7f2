// Pairs of BF16 and their products, in float32.
// Needs: vec.

/// 32 bf16: two neighbours in every 32-bit lane.
struct Pairs {
  static constexpr std::int64_t kElements = 32;
  __m512i v;
};
inline Pairs load_pairs(const bf16* p) { return {_mm512_loadu_si512(p)}; }
inline Pairs load_pairs(const std::uint32_t* p) { return {_mm512_loadu_si512(p)}; }
/// The first `count`; the others read nothing and are 0.
inline Pairs load_pairs_part(const bf16* p, std::int64_t count) {
  if (count >= Pairs::kElements) return load_pairs(p);
  return {_mm512_maskz_loadu_epi16(count <= 0 ? 0U : (std::uint32_t{1} << count) - 1, p)};
}
inline void store_pairs(bf16* p, Pairs x) { _mm512_storeu_si512(p, x.v); }
inline void store_pairs(std::uint32_t* p, Pairs x) { _mm512_storeu_si512(p, x.v); }
inline Pairs all_pairs(const std::uint32_t* p) { return {_mm512_set1_epi32(static_cast<int>(*p))}; }
/// acc + a0 * b0 + a1 * b1 in each lane.
inline Vec dot(Vec acc, Pairs a, Pairs b) {
  return {_mm512_dpbf16_ps(acc.v, reinterpret_cast<__m512bh>(a.v), reinterpret_cast<__m512bh>(b.v))};
}

/// 16 floats as bf16, to nearest even; what is below the smallest normal number is 0.
inline __m256i to_bf16(Vec x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v)); }

/// Elements of two rows beside each other: of 32 the first 16, and the others.
struct PairedRows {
  Pairs low, high;
};
inline PairedRows pair_up(Pairs a, Pairs b) {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7,
                                       38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  return {{_mm512_permutex2var_epi16(a.v, low, b.v)}, {_mm512_permutex2var_epi16(a.v, high, b.v)}};
}
