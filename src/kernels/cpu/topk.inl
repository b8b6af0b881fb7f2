// Exact top-k over integer keys: a sample gives a threshold that a little more than k keys pass, those are
// gathered in one sweep, and the k-th largest is found among them.  Where the sample was misleading the whole
// row is searched.

/// A score as a number that orders like it as a signed integer: NaN as -infinity, -0 as +0.
inline Vec order_keys(Vec score) {
  const __m256 nan = _mm256_cmp_ps(score.v, score.v, _CMP_UNORD_Q);
  const __m256 plain =
      _mm256_blendv_ps(_mm256_add_ps(score.v, _mm256_setzero_ps()), all(-__builtin_inff()).v, nan);
  const __m256i bits = _mm256_castps_si256(plain);
  const __m256i flip = _mm256_srli_epi32(_mm256_srai_epi32(bits, 31), 1);
  return {_mm256_castsi256_ps(_mm256_xor_si256(bits, flip))};
}

struct Candidate {
  std::int32_t key;
  std::int32_t position;
};

/// Lanes with key >= threshold, as bits.
inline unsigned lanes_at_least(const std::int32_t* keys, std::int32_t threshold) {
  const __m256i k = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys));
  const __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(threshold), k);
  return ~static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(below))) & 0xFFU;
}

/// The k-th largest (k >= 1) of count >= k keys, key_of(i) each; `equal` keys of that value belong to the k
/// largest.
template <class KeyOf>
std::int32_t kth_largest(std::int64_t count, std::int64_t k, std::int64_t& equal, KeyOf key_of) {
  std::uint32_t prefix = 0, decided = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    std::int64_t histogram[256] = {};
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint32_t key = static_cast<std::uint32_t>(key_of(i)) ^ 0x80000000U;
      if ((key & decided) == prefix) ++histogram[key >> shift & 255U];
    }
    std::uint32_t digit = 255;
    while (histogram[digit] < k) k -= histogram[digit--];
    prefix |= digit << shift;
    decided |= 255U << shift;
  }
  equal = k;
  return static_cast<std::int32_t>(prefix ^ 0x80000000U);
}

/// Writes the positions of the k largest of `count` > k keys in ascending order, ties to the lower position.
inline void select_keys(const std::int32_t* keys, std::int64_t count, std::int64_t k, std::int32_t* out,
                        std::span<Candidate> candidates) {
  constexpr std::int64_t kSample = 512;
  std::int64_t found = -1;
  if (count >= 4 * kSample) {
    std::int32_t sample[kSample];
    for (std::int64_t i = 0; i < kSample; ++i) sample[i] = keys[i * count / kSample];
    // The expected rank of the threshold in the sample, and three standard deviations more.
    const double expected =
        static_cast<double>(kSample) * static_cast<double>(k) / static_cast<double>(count);
    const auto rank = static_cast<std::int64_t>(expected + 3 * __builtin_sqrt(expected) + 3);
    if (rank < kSample) {
      std::int64_t unused = 0;
      const std::int32_t threshold =
          kth_largest(kSample, rank, unused, [&](std::int64_t i) { return sample[i]; });
      found = 0;
      const auto room = static_cast<std::int64_t>(candidates.size());
      const auto add = [&](std::int64_t s) {
        candidates[static_cast<std::size_t>(found++)] = {keys[s], static_cast<std::int32_t>(s)};
      };
      std::int64_t s = 0;
      for (; s + 8 <= count && found + 8 <= room; s += 8)
        for (unsigned lanes = lanes_at_least(keys + s, threshold); lanes != 0; lanes &= lanes - 1)
          add(s + __builtin_ctz(lanes));
      for (; s < count && found < room; ++s)
        if (keys[s] >= threshold) add(s);
      if (s < count || found < k) found = -1;
    }
  }
  std::int64_t equal = 0, written = 0;
  if (found >= 0) {
    const std::int32_t last = kth_largest(
        found, k, equal, [&](std::int64_t i) { return candidates[static_cast<std::size_t>(i)].key; });
    for (std::int64_t i = 0; written < k; ++i) {
      const Candidate& c = candidates[static_cast<std::size_t>(i)];
      if (c.key > last || (c.key == last && equal-- > 0)) out[written++] = c.position;
    }
    return;
  }
  const std::int32_t last = kth_largest(count, k, equal, [&](std::int64_t i) { return keys[i]; });
  for (std::int64_t s = 0; written < k; ++s)
    if (keys[s] > last || (keys[s] == last && equal-- > 0)) out[written++] = static_cast<std::int32_t>(s);
}
