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

std::int64_t DraftPolicy::length(std::int64_t matched, std::int64_t most, double price) const {
  if (matched == 0) return 0;
  const double chance = this->chance(kind(matched));
  std::int64_t best = 0;
  double best_speed = kWorthwhile, tokens = 1, holds = 1;
  for (std::int64_t n = 1; n <= std::min(most, kMost); ++n) {
    tokens += holds *= chance;
    const double cost = static_cast<double>(n) * price;
    const double speed = tokens / (1 + cost);
    if (cost > purse_ || speed <= best_speed) continue;
    best = n;
    best_speed = speed;
  }
  // Now and then a look whether what was wrong still is.
  return best == 0 && most > 0 && price < 1 && purse_ >= kStart ? 1 : best;
}

void DraftPolicy::learn(std::int64_t matched, std::int64_t drafted, std::int64_t accepted, double price) {
  if (purse_ < kStart) purse_ = std::min(purse_ + kShare * static_cast<double>(1 + accepted), kStart);
  if (drafted == 0) return;
  purse_ = std::min(purse_ + static_cast<double>(accepted) - static_cast<double>(drafted) * price, kFull);
  Seen& seen = seen_[kind(matched)];
  seen.right += static_cast<double>(accepted);
  seen.wrong += accepted < drafted ? 1 : 0;
  const double keep = std::min(kRemembered / (seen.right + seen.wrong), 1.0);
  seen.right *= keep;
  seen.wrong *= keep;
}

}  // namespace dsa
