// A loss of single tokens' log-probabilities, in place of the mean cross-entropy: for answers, which are
// trained on with a weight for each token of theirs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace dsa::train {

struct TokenLoss {
  /// Of the run's tokens: those that take part, one that is shared as often as it does; never the first of a
  /// sequence.
  std::span<const std::int32_t> tokens;
  /// By token that takes part, the ids that it was sampled from; empty list: from all.  May be empty.
  std::span<const std::vector<std::int32_t>> kept = {};
  /// Gets their log-probabilities and writes d loss / d log p of each; called with gradients alone.
  std::function<void(std::span<const float> log_probs, std::span<float> slopes)> slopes = {};
};

}  // namespace dsa::train
