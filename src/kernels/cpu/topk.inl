// Exact top-k over integer keys: a sample gives a threshold that a little more than k keys pass, those are
// gathered in one sweep, and the k-th largest is found among them.  Where the sample was misleading the whole
// row is searched.

// Lists of keys may be read to the end of the register that holds the last one.

/// Keys and their positions, in ascending order of positions.  Lists have room for a register more than
/// `room`.
struct Candidates {
  std::int32_t* keys;
  std::int32_t* positions;
  std::int64_t room;
};

/// Lanes of the register at keys that hold one of `left` keys and reach the threshold, as bits.
inline unsigned lanes_of(const std::int32_t* keys, std::int64_t left, std::int32_t threshold) {
  const unsigned lanes = lanes_at_least(keys, threshold);
  return left >= Vec::kLanes ? lanes : lanes & ((1U << left) - 1U);
}

inline std::int64_t count_at_least(const std::int32_t* keys, std::int64_t count, std::int32_t threshold) {
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < count; i += Vec::kLanes)
    found += __builtin_popcount(lanes_of(keys + i, count - i, threshold));
  return found;
}

/// The k largest are all keys above `value` and the first `equal` of those equal to it.
struct Threshold {
  std::int32_t value;
  std::int64_t equal;
};

/// 1 <= k <= count.  Bit by bit, the largest value that at least k keys reach: one sweep a bit, of keys that
/// lie in a cache beside the core, needs no histogram and no second copy.
inline Threshold kth_largest(const std::int32_t* keys, std::int64_t count, std::int64_t k) {
  constexpr std::uint32_t kSign = 0x80000000U;
  std::uint32_t reached = 0;
  for (std::uint32_t bit = kSign; bit != 0; bit >>= 1) {
    const std::int64_t found =
        count_at_least(keys, count, static_cast<std::int32_t>((reached | bit) ^ kSign));
    if (found < k) continue;
    reached |= bit;
    if (found == k) return {static_cast<std::int32_t>(reached ^ kSign), k};
  }
  const auto value = static_cast<std::int32_t>(reached ^ kSign);
  const std::int64_t above = value == __INT32_MAX__ ? 0 : count_at_least(keys, count, value + 1);
  return {value, k - above};
}

/// Positions of the keys that `last` lets through: positions[i], or i itself where there are none.
inline void write_selected(const std::int32_t* keys, const std::int32_t* positions, std::int64_t count,
                           Threshold last, std::int64_t k, std::int32_t* out) {
  std::int64_t written = 0;
  for (std::int64_t i = 0; i < count && written < k; ++i) {
    out[written] = positions == nullptr ? static_cast<std::int32_t>(i) : positions[i];
    written += keys[i] > last.value || (keys[i] == last.value && last.equal-- > 0) ? 1 : 0;
  }
}

/// Gathers keys >= threshold; -1 if there is no room.
inline std::int64_t gather_keys(const std::int32_t* keys, std::int64_t count, std::int32_t threshold,
                                const Candidates& to) {
  std::int64_t found = 0;
  for (std::int64_t s = 0; s < count; s += Vec::kLanes) {
    if (found + Vec::kLanes > to.room) return -1;
    found += append_lanes(lanes_of(keys + s, count - s, threshold), keys + s, static_cast<std::int32_t>(s),
                          to.keys + found, to.positions + found);
  }
  return found;
}

/// Writes the positions of the k largest of `count` > k keys in ascending order, ties to the lower position.
inline void select_keys(const std::int32_t* keys, std::int64_t count, std::int64_t k, std::int32_t* out,
                        const Candidates& candidates) {
  constexpr std::int64_t kSample = 512;
  if (count >= 4 * kSample) {
    std::int32_t sample[kSample];
    for (std::int64_t i = 0; i < kSample; ++i) sample[i] = keys[i * count / kSample];
    // The expected rank of the threshold in the sample, and three standard deviations more.
    const double expected =
        static_cast<double>(kSample) * static_cast<double>(k) / static_cast<double>(count);
    const auto rank = static_cast<std::int64_t>(expected + 3 * __builtin_sqrt(expected) + 3);
    if (rank < kSample) {
      const std::int64_t found =
          gather_keys(keys, count, kth_largest(sample, kSample, rank).value, candidates);
      if (found >= k)
        return write_selected(candidates.keys, candidates.positions, found,
                              kth_largest(candidates.keys, found, k), k, out);
    }
  }
  write_selected(keys, nullptr, count, kth_largest(keys, count, k), k, out);
}
