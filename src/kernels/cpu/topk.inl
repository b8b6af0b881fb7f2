// Exact top-k over integer keys: a sample gives a threshold that a little more than k keys pass, those are
// gathered in one sweep, and the k-th largest is found among them.  Where the sample was misleading the whole
// row is searched.

struct Candidate {
  std::int32_t key;
  std::int32_t position;
};

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
      for (; s + Vec::kLanes <= count && found + Vec::kLanes <= room; s += Vec::kLanes)
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
