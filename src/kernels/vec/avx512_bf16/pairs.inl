// Pairs of BF16 and their products, in float32.
// Needs: vec.

/// Two neighbouring bf16 in every 32-bit lane.
struct Pairs {
  __m512bh v;
};
inline Pairs load_pairs(const std::uint32_t* p) {
  return {reinterpret_cast<__m512bh>(_mm512_loadu_si512(p))};
}
inline Pairs all_pairs(const std::uint32_t* p) {
  return {reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(*p)))};
}
/// acc + a0 * b0 + a1 * b1
inline Vec dot(Vec acc, Pairs a, Pairs b) { return {_mm512_dpbf16_ps(acc.v, a.v, b.v)}; }

/// 16 floats as bf16, to nearest even; what is below the smallest normal number is 0.
inline __m256i to_bf16(Vec x) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x.v)); }
