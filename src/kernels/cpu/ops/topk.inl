// Exact top-k over integer keys: a sample gives a threshold that a little more than k keys pass,
// those are gathered in one sweep, and the k-th largest is found among them.
// Where the sample was misleading the whole row is searched.
// Needs: vec.

// Lists of keys may be read to the end of the register that holds the last one.

/// Keys and their positions, in ascending order of positions.  Lists have room for all keys of a row and a
/// register more.
struct Candidates {
  std::int32_t* keys;
  std::int32_t* positions;
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
  for (std::int64_t i = 0; i < count && written < k; i += Vec::kLanes) {
    const std::int64_t left = count - i;
    const unsigned reach = lanes_of(keys + i, left, last.value);
    const unsigned above = last.value == __INT32_MAX__ ? 0 : lanes_of(keys + i, left, last.value + 1);
    unsigned dropped = reach & ~above;  // the first of them are let through
    for (; dropped != 0 && last.equal > 0; --last.equal) dropped &= dropped - 1;
    std::int32_t own[Vec::kLanes];
    if (positions == nullptr)
      for (int lane = 0; lane < Vec::kLanes; ++lane) own[lane] = static_cast<std::int32_t>(i) + lane;
    written += write_lanes(reach & ~dropped, positions == nullptr ? own : positions + i, out + written);
  }
}

/// Gathers keys >= threshold; returns how many.
inline std::int64_t gather_keys(const std::int32_t* keys, std::int64_t count, std::int32_t threshold,
                                const Candidates& to) {
  std::int64_t found = 0;
  for (std::int64_t s = 0; s < count; s += Vec::kLanes)
    found += append_lanes(lanes_of(keys + s, count - s, threshold), keys + s, static_cast<std::int32_t>(s),
                          to.keys + found, to.positions + found);
  return found;
}

/// The same by all threads, each a span of a long row at a time, whose finds are then moved together.
inline std::int64_t gather_keys(Exec& exec, const std::int32_t* keys, std::int64_t count,
                                std::int32_t threshold, const Candidates& to) {
  constexpr std::int64_t kLeast = 2048, kMostSpans = 64;
  if (count < 2 * kLeast) return gather_keys(keys, count, threshold, to);
  const std::int64_t span = (count / kMostSpans / kLeast + 1) * kLeast, spans = (count + span - 1) / span;
  std::int64_t found[kMostSpans];
  exec.parallel_for(spans, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i * span, here = count - first < span ? count - first : span;
      found[i] = gather_keys(keys + first, here, threshold, {to.keys + first, to.positions + first});
      for (std::int64_t c = 0; c < found[i]; ++c) to.positions[first + c] += static_cast<std::int32_t>(first);
    }
  });
  std::int64_t all = 0;
  for (std::int64_t i = 0; i < spans; ++i) {
    const auto bytes = static_cast<std::size_t>(found[i]) * sizeof(std::int32_t);
    __builtin_memmove(to.keys + all, to.keys + i * span, bytes);
    __builtin_memmove(to.positions + all, to.positions + i * span, bytes);
    all += found[i];
  }
  return all;
}

/// Writes the positions of the k largest of `count` > k keys in ascending order, ties to the lower position.
/// gather(threshold) is gather_keys() of them all.
template <class Gather>
void select_keys(const std::int32_t* keys, std::int64_t count, std::int64_t k, std::int32_t* out,
                 const Candidates& candidates, const Gather& gather) {
  constexpr std::int64_t kSample = 512;
  if (count >= 4 * kSample) {
    std::int32_t sample[kSample];
    for (std::int64_t i = 0; i < kSample; ++i) sample[i] = keys[i * count / kSample];
    // The expected rank of the threshold in the sample, and three standard deviations more.
    const double expected =
        static_cast<double>(kSample) * static_cast<double>(k) / static_cast<double>(count);
    const auto rank = static_cast<std::int64_t>(expected + 3 * __builtin_sqrt(expected) + 3);
    if (rank < kSample) {
      const std::int64_t found = gather(kth_largest(sample, kSample, rank).value);
      if (found >= k)
        return write_selected(candidates.keys, candidates.positions, found,
                              kth_largest(candidates.keys, found, k), k, out);
    }
  }
  write_selected(keys, nullptr, count, kth_largest(keys, count, k), k, out);
}
