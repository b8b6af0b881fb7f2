#include "engine/drafter.h"

#include <algorithm>

#include "base/numeric.h"

namespace dsa {

void Drafter::draft(std::span<const std::int32_t> tokens, std::int64_t most,
                    std::span<const std::int32_t> ends, double price) {
  line_.clear();
  if (stopped_) return;
  const auto match = index_.find(tokens);
  matched_ = match.length;
  price_ = price;
  const std::int64_t length = policy_.length(matched_, most, price);
  line_.push_back(tokens.back());
  // What is copied may reach into the copy.
  for (std::int64_t from = match.next; std::ssize(line_) <= length; ++from) {
    const std::int64_t copied = from - std::ssize(tokens);
    const std::int32_t guess = copied < 0 ? tokens[usize(from)] : line_[usize(1 + copied)];
    if (std::ranges::find(ends, guess) != ends.end()) break;
    line_.push_back(guess);
  }
}

void Drafter::learn(std::int64_t accepted) {
  if (line_.empty()) return;
  policy_.learn(matched_, std::ssize(guesses()), accepted, price_);
  drafted_ += std::ssize(guesses());
  accepted_ += accepted;
  line_.clear();
}

void Drafter::stop() {
  line_.clear();
  stopped_ = true;
}

}  // namespace dsa
