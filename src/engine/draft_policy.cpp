#include "engine/draft_policy.h"

#include <algorithm>
#include <bit>

#include "base/numeric.h"

namespace dsa {
namespace {

constexpr double kRemembered = 32;    // guesses
constexpr double kWorthwhile = 1.05;  // times as fast, at least
// How often a guess holds after a match of 3, 4, 8, 16, 32 tokens, before any was seen: the longer it is, the
// surer; and as how many guesses that counts.
constexpr std::array kExpected{0.4, 0.6, 0.8, 0.9, 0.95};
constexpr double kExpectedWeight = 2;

}  // namespace

std::size_t DraftPolicy::kind(std::int64_t matched) {
  return std::min<std::size_t>(std::max<std::size_t>(std::bit_width(usize(matched)), 2) - 2, kKinds - 1);
}

double DraftPolicy::chance(std::size_t kind) const {
  const Seen& seen = seen_[kind];
  return (seen.right + kExpectedWeight * kExpected[kind]) / (seen.right + seen.wrong + kExpectedWeight);
}

double DraftPolicy::cost(std::int64_t drafted, const DraftPrices& prices) {
  return static_cast<double>(drafted) * prices[std::bit_width(usize(drafted))];
}

std::int64_t DraftPolicy::length(std::int64_t matched, std::int64_t most, const DraftPrices& prices) const {
  if (matched == 0) return 0;
  const double chance = this->chance(kind(matched));
  std::int64_t best = 0;
  double best_speed = kWorthwhile, tokens = 1, holds = 1;
  for (std::int64_t n = 1; n <= std::min(most, kMost); ++n) {
    tokens += holds *= chance;
    const double cost = this->cost(n, prices);
    const double speed = tokens / (1 + cost);
    if (cost > purse_ || speed <= best_speed) continue;
    best = n;
    best_speed = speed;
  }
  // Now and then a look whether what was wrong still is.
  const double look = cost(1, prices);
  return best == 0 && most > 0 && look < 1 && purse_ >= kStart ? 1 : best;
}

void DraftPolicy::learn(std::int64_t matched, std::int64_t drafted, std::int64_t accepted,
                        const DraftPrices& prices) {
  const auto written = static_cast<double>(1 + accepted);
  if (purse_ < kStart) purse_ = std::min(purse_ + kShare * written, kStart);
  if (drafted == 0) return;
  purse_ = std::min(purse_ + static_cast<double>(accepted) - cost(drafted, prices), kFull);
  Seen& seen = seen_[kind(matched)];
  seen.right += static_cast<double>(accepted);
  seen.wrong += accepted < drafted ? 1 : 0;
  const double keep = std::min(kRemembered / (seen.right + seen.wrong), 1.0);
  seen.right *= keep;
  seen.wrong *= keep;
}

}  // namespace dsa
