// Sequences that decode in one pass.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "model/loaded_model.h"

namespace dsa {

struct SideBySide {
  std::int64_t sequences = 1;
  bool shared = false;  // the whole pages of what they begin with lie in the cache once, not once for each

  /// Of `depth` tokens that they begin with, those that lie there once.
  [[nodiscard]] std::int64_t shared_tokens(std::int64_t depth) const;
};

/// The first sequence has the cache's first pages, as SequencePass has; the others begin with the same
/// `depth` tokens, which must be in the cache already.  One call at a time.
class SequencesAtDepth {
 public:
  /// Tokens of cache that so many sequences of `context` tokens take at most.
  static std::int64_t cache_tokens(std::int64_t sequences, std::int64_t context);

  /// Copies what is not shared.  `model` must outlive it, and its cache hold cache_tokens().
  SequencesAtDepth(LoadedModel& model, const SideBySide& side, std::int64_t depth);

  /// A pass of one token each, `tokens` [sequences], at `position` (from depth on), with logits of all.
  /// False if cancelled.  Throws Error if the pass cannot be run or gives a NaN or an infinity.
  bool decode(std::int64_t position, const std::vector<std::int32_t>& tokens, RunOptions run,
              const std::atomic<bool>& cancel);
  [[nodiscard]] std::int64_t count() const { return std::ssize(slices_); }
  [[nodiscard]] std::int64_t depth() const { return depth_; }
  /// Of the last pass, [sequences, vocab_size].
  [[nodiscard]] const std::vector<float>& logits() const { return logits_; }

 private:
  LoadedModel& model_;
  std::int64_t depth_;
  std::vector<std::vector<std::int32_t>> pages_;  // of each sequence
  std::vector<SequenceSlice> slices_;
  std::vector<SequenceStatus> statuses_;
  std::vector<float> logits_;
};

}  // namespace dsa
