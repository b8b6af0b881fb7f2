// Guesses of how an answer goes on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/draft_policy.h"
#include "engine/ngram_index.h"

namespace dsa {

/// Of one answer: looks up where its last tokens stood before, in prompt or answer, and guesses that the same
/// comes next.  What guesses cost and how often they hold decides how many.  One thread at a time.
class Drafter {
 public:
  /// Guesses anew what comes after `tokens`, which begin with those of the call before: at most `most`, none
  /// from a token of `ends` on.
  void draft(std::span<const std::int32_t> tokens, std::int64_t most, std::span<const std::int32_t> ends,
             double price);
  /// What a pass checks: the last token, and the guesses after it.  Empty: no draft was made for it.
  [[nodiscard]] std::span<const std::int32_t> line() const { return line_; }
  [[nodiscard]] std::span<const std::int32_t> guesses() const {
    return line().subspan(line_.empty() ? 0 : 1);
  }
  /// The first `accepted` guesses held; the draft is done with.
  void learn(std::int64_t accepted);
  /// The guesses cannot be computed: the draft is done with, and the last.
  void stop();

  [[nodiscard]] std::int64_t drafted() const { return drafted_; }
  [[nodiscard]] std::int64_t accepted() const { return accepted_; }

 private:
  NgramIndex index_;
  DraftPolicy policy_;
  double price_ = 0;          // of the draft's guesses
  std::int64_t matched_ = 0;  // before them
  std::vector<std::int32_t> line_;
  std::int64_t drafted_ = 0, accepted_ = 0;
  bool stopped_ = false;
};

}  // namespace dsa
