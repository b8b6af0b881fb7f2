// Sequences that are computed side by side: what samples of a task have in common, its prompt and however far
// they go the same way, is there once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rl/train/policy.h"
#include "train/sparse/joined_rows.h"
#include "train/sparse/token_loss.h"

namespace dsa::rl {

/// Some sequences of a request, in their order.
struct SequenceRun {
  std::vector<std::size_t> sequences;
  std::vector<train::SequencePart> parts;  // of each
  std::int64_t rows = 0;                   // of all parts
};
struct RunLimits {
  std::int64_t rows = 0;       // of a run, unless it is a single sequence's
  std::int64_t sequences = 0;  // of a run; 0: any
  bool share = true;           // beginnings
};
/// Every sequence once.
std::vector<SequenceRun> runs_of(std::span<const Policy::Sequence> sequences, const RunLimits& limits);

/// A run as a model takes it.  `request` and `run` must outlive it.
class JoinedSequences {
 public:
  JoinedSequences(const Policy::Request& request, const SequenceRun& run);
  JoinedSequences(const JoinedSequences&) = delete;
  JoinedSequences& operator=(const JoinedSequences&) = delete;

  [[nodiscard]] std::span<const std::int32_t> tokens() const { return tokens_; }
  /// Of the request's slopes.
  [[nodiscard]] const train::TokenLoss& loss() const { return loss_; }
  /// Deals the run's log-probabilities out to its sequences.
  void deal(std::span<const float> log_probs, Policy::Result& to) const;

 private:
  template <class Visit>
  void each(Visit&& visit) const;

  const Policy::Request& request_;
  const SequenceRun& run_;
  std::vector<std::int32_t> tokens_, trained_;
  std::vector<std::vector<std::int32_t>> kept_;
  train::TokenLoss loss_;
};

}  // namespace dsa::rl
