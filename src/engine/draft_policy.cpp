#include "engine/draft_policy.h"

#include <algorithm>
#include <bit>

#include "base/numeric.h"

namespace dsa {
namespace {

constexpr double kRemembered = 32;    // guesses
constexpr double kWorthwhile = 1.05;  // times as fast, at least
// How often a guess holds before any was seen: after a match of 3, 4, 8, 16, 32 tokens, the longer the surer;
// and the first, second, ... of the model's own.  And as how many guesses that counts.
constexpr std::array kExpected{0.4, 0.6, 0.8, 0.9, 0.95, 0.6, 0.5, 0.5, 0.5};
constexpr double kExpectedWeight = 2;

std::size_t kind_of_match(std::int64_t matched, std::size_t kinds) {
  return std::min<std::size_t>(std::max<std::size_t>(std::bit_width(usize(matched)), 2) - 2, kinds - 1);
}

}  // namespace

void DraftPolicy::Seen::add(double more_right, double more_wrong) {
  right += more_right;
  wrong += more_wrong;
  const double keep = std::min(kRemembered / (right + wrong), 1.0);
  right *= keep;
  wrong *= keep;
}

double DraftPolicy::chance(std::size_t kind) const {
  const Seen& seen = seen_[kind];
  return (seen.right + kExpectedWeight * kExpected[kind]) / (seen.right + seen.wrong + kExpectedWeight);
}

std::size_t DraftPolicy::own_kind(std::int64_t guess) { return kCopied + std::min(usize(guess), kOwn - 1); }

DraftPolicy::Plan DraftPolicy::copied(std::int64_t matched, std::int64_t most, double price) const {
  if (matched == 0) return {};
  const std::size_t kind = kind_of_match(matched, kCopied);
  const Plan pays = best(std::min(most, kMost), price, [&](std::int64_t) { return kind; });
  return pays.guesses > 0 ? pays : look(most, price, kind);
}

DraftPolicy::Plan DraftPolicy::own(std::int64_t most, double price) const {
  const Plan pays = best_own(std::min(most, kMostOwn), price);
  if (pays.guesses > 0) return pays;
  // Its look costs more than a guess: it has to read up on what was written without it.
  return since_own_ >= look_after_ ? look(most, price, own_kind(0)) : Plan{};
}

DraftPolicy::Plan DraftPolicy::best_own(std::int64_t most, double price) const {
  return best(most, price, [](std::int64_t guess) { return own_kind(guess); });
}

DraftPolicy::Plan DraftPolicy::best(std::int64_t most, double price,
                                    FunctionRef<std::size_t(std::int64_t guess)> kind) const {
  Plan best{.guesses = 0, .speed = kWorthwhile};
  double tokens = 1, holds = 1;
  for (std::int64_t n = 1; n <= most; ++n) {
    tokens += holds *= chance(kind(n - 1));
    const double cost = static_cast<double>(n) * price;
    const double speed = tokens / (1 + cost);
    if (cost <= purse_ && speed > best.speed) best = {.guesses = n, .speed = speed};
  }
  return best;
}

DraftPolicy::Plan DraftPolicy::look(std::int64_t most, double price, std::size_t kind) const {
  if (most <= 0 || price >= 1 || purse_ < kStart) return {};
  return {.guesses = 1, .speed = (1 + chance(kind)) / (1 + price)};
}

void DraftPolicy::pay(std::int64_t drafted, std::int64_t accepted, double price) {
  if (purse_ < kStart) purse_ = std::min(purse_ + kShare * static_cast<double>(1 + accepted), kStart);
  since_own_ += 1 + accepted;
  if (drafted == 0) return;
  purse_ = std::min(purse_ + static_cast<double>(accepted) - static_cast<double>(drafted) * price, kFull);
}

void DraftPolicy::learn_copied(std::int64_t matched, std::int64_t drafted, std::int64_t accepted,
                               double price) {
  pay(drafted, accepted, price);
  if (drafted > 0)
    seen_[kind_of_match(matched, kCopied)].add(static_cast<double>(accepted), accepted < drafted ? 1 : 0);
}

void DraftPolicy::learn_own(std::int64_t drafted, std::int64_t accepted, double price) {
  pay(drafted, accepted, price);
  if (drafted == 0) return;
  for (std::int64_t n = 0; n < std::min(accepted + 1, drafted); ++n)
    seen_[own_kind(n)].add(n < accepted ? 1 : 0, n < accepted ? 0 : 1);
  since_own_ = 0;
  look_after_ = best_own(kMostOwn, price).guesses > 0 ? kLook : std::min(2 * look_after_, kRareLook);
}

}  // namespace dsa
