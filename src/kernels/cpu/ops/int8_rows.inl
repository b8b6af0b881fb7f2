// Rows rounded to int8 with one scale each.
// Needs: vec.

/// q8_row() of `count` floats, and zeros up to a whole number of registers' lanes.
inline float round_int8(const float* x, std::int64_t count, std::int8_t* q) {
  Vec largest = zero(), strange = zero();  // NaN where an element is not finite
  for (std::int64_t i = 0; i < count; i += Vec::kLanes) {
    const Vec v = load_part(x + i, count - i);
    largest = max(largest, max(v, zero() - v));
    strange = strange + (v - v);
  }
  const auto n = static_cast<std::size_t>(count);
  if (sum(strange) != 0) [[unlikely]] {
    for (std::int64_t i = count; i % Vec::kLanes != 0; ++i) q[i] = 0;
    return q8_row({x, n}, {q, n});
  }
  const float d = max_lane(largest) / 127.0F;
  const Vec divisor = all(d > 0 ? d : __builtin_inff());
  for (std::int64_t i = 0; i < count; i += Vec::kLanes)
    store_quants(q + i, load_part(x + i, count - i) / divisor);
  return d;
}
