#include "engine/drafter.h"

#include <algorithm>

#include "base/numeric.h"

namespace dsa {
namespace {

bool among(std::span<const std::int32_t> ends, std::int32_t id) {
  return std::ranges::find(ends, id) != ends.end();
}

}  // namespace

std::int64_t Drafter::draft(std::span<const std::int32_t> tokens, std::int64_t most,
                            std::span<const std::int32_t> ends, const DraftPrices& prices) {
  line_.clear();
  if (stopped_) return 0;
  line_.push_back(tokens.back());
  NgramIndex::Match match;
  DraftPolicy::Plan copied, own;
  if (prices.copied) {
    match = index_.find(tokens);
    copied = policy_.copied(match.length, most, *prices.copied);
  }
  if (prices.own) own = policy_.own(most, *prices.own);
  matched_ = match.length;
  is_own_ = own.speed > copied.speed;
  price_ = is_own_ ? *prices.own : prices.copied.value_or(0);
  if (is_own_) return own.guesses;
  copy(tokens, match.next, copied.guesses, ends);
  return 0;
}

void Drafter::copy(std::span<const std::int32_t> tokens, std::int64_t from, std::int64_t count,
                   std::span<const std::int32_t> ends) {
  // What is copied may reach into the copy.
  for (; std::ssize(line_) <= count; ++from) {
    const std::int64_t copied = from - std::ssize(tokens);
    const std::int32_t guess = copied < 0 ? tokens[usize(from)] : line_[usize(1 + copied)];
    if (among(ends, guess)) break;
    line_.push_back(guess);
  }
}

void Drafter::add(std::span<const std::int32_t> guesses, std::span<const std::int32_t> ends) {
  for (const std::int32_t guess : guesses) {
    if (among(ends, guess)) break;
    line_.push_back(guess);
  }
}

void Drafter::learn(std::int64_t accepted) {
  if (line_.empty()) return;
  const std::int64_t drafted = std::ssize(guesses());
  const auto count = [&](Counts& counts) {
    counts.drafted += drafted;
    counts.accepted += accepted;
  };
  count(all_);
  if (is_own_) {
    count(own_);
    policy_.learn_own(drafted, accepted, price_);
  } else {
    policy_.learn_copied(matched_, drafted, accepted, price_);
  }
  line_.clear();
}

void Drafter::stop() {
  line_.clear();
  stopped_ = true;
}

}  // namespace dsa
