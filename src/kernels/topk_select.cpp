// Exact top-k by radix: three histograms find the k-th largest key, one more pass writes the positions.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/indexer.h"
#include "kernels/scratch.h"

namespace dsa {
namespace {

/// Unsigned key in the order of the scores: NaN as -inf, -0 as +0.
std::uint32_t order_key(float score) {
  if (std::isnan(score)) score = -std::numeric_limits<float>::infinity();
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

/// The k-th largest key (k >= 1), and in `equal` how many keys of that value belong to the k largest.
std::uint32_t kth_largest(std::span<const std::uint32_t> keys, std::int64_t k, std::int64_t& equal) {
  struct Digit {
    int shift;
    int bits;
  };
  std::uint32_t prefix = 0;
  std::uint32_t decided = 0;  // mask of the bits of `prefix` that are known
  for (const Digit digit : {Digit{21, 11}, Digit{10, 11}, Digit{0, 10}}) {
    std::array<std::int64_t, 2048> histogram{};
    const std::uint32_t mask = (1U << digit.bits) - 1;
    for (const std::uint32_t key : keys)
      if ((key & decided) == prefix) ++histogram[key >> digit.shift & mask];
    std::uint32_t value = mask;
    while (histogram[value] < k) k -= histogram[value--];
    prefix |= value << digit.shift;
    decided |= mask << digit.shift;
  }
  equal = k;
  return prefix;
}

}  // namespace

std::int64_t topk_select(std::span<const float> scores, std::int64_t topk, std::span<std::int32_t> out,
                         std::span<std::byte> scratch) {
  const auto count = static_cast<std::int64_t>(scores.size());
  const std::int64_t chosen = std::clamp<std::int64_t>(topk, 0, count);
  DSA_CHECK(static_cast<std::int64_t>(out.size()) >= chosen);
  if (chosen == count) {
    std::iota(out.begin(), out.begin() + chosen, 0);
    return chosen;
  }
  if (chosen == 0) return 0;
  const auto keys = take<std::uint32_t>(scratch, count);
  std::transform(scores.begin(), scores.end(), keys.begin(), order_key);
  std::int64_t equal = 0;
  const std::uint32_t last = kth_largest(keys, chosen, equal);
  std::int64_t written = 0;
  for (std::int64_t s = 0; written < chosen; ++s) {
    if (keys[s] < last) continue;
    if (keys[s] == last && equal-- <= 0) continue;
    out[written++] = static_cast<std::int32_t>(s);
  }
  return chosen;
}

}  // namespace dsa
