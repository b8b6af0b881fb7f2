// Eight floats in plain C++, behind the names of kernels/vec/avx2/vec.inl that the rows use.

struct Vec {
  static constexpr std::int64_t kLanes = 8;
  float v[8];
};

template <class F>
inline Vec each(F&& lane) {
  Vec out;
  for (int i = 0; i < 8; ++i) out.v[i] = lane(i);
  return out;
}
inline Vec operator+(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] + b.v[i]; });
}
inline Vec operator-(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] - b.v[i]; });
}
inline Vec operator*(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] * b.v[i]; });
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
/// The second operand where the first is NaN.
inline Vec max(Vec a, Vec b) {
  return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline Vec zero() { return {}; }
inline Vec all(float x) {
  return each([&](int) { return x; });
}
inline Vec load_part(const float* p, std::int64_t count) {
  return each([&](int i) { return i < count ? p[i] : 0.0F; });
}
inline Vec load(const float* p) { return load_part(p, 8); }
inline void store_part(float* p, Vec x, std::int64_t count) {
  for (int i = 0; i < 8 && i < count; ++i) p[i] = x.v[i];
}
inline void store(float* p, Vec x) { store_part(p, x, 8); }
inline Vec first_or(std::int64_t count, Vec a, Vec b) {
  return each([&](int i) { return i < count ? a.v[i] : b.v[i]; });
}
/// 1 where x > 0, else 0.
inline Vec positive(Vec x) {
  return each([&](int i) { return x.v[i] > 0 ? 1.0F : 0.0F; });
}
inline Vec exp(Vec x) {
  return each([&](int i) { return std::exp(x.v[i]); });
}
inline float sum(Vec x) {
  float s = 0;
  for (const float lane : x.v) s += lane;
  return s;
}
inline float max_lane(Vec x) {
  float m = x.v[0];
  for (const float lane : x.v) m = lane > m ? lane : m;
  return m;
}
