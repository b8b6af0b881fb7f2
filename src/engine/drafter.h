// Guesses of how an answer goes on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/draft_policy.h"
#include "engine/ngram_index.h"

namespace dsa {

/// What a guess costs, by where it comes from (DraftPolicy); nothing: none comes from there.
struct DraftPrices {
  std::optional<double> copied = {}, own = {};
};

/// Of one answer: guesses that what came after its last tokens before, in prompt or answer, comes next, or
/// has the model's own layer guess: whichever promises to be faster by what they cost and how often they
/// held.  One thread at a time.
class Drafter {
 public:
  /// Guesses anew what comes after `tokens`, which begin with those of the call before: at most `most`, none
  /// from a token of `ends` on.  How many the model's own layer is to guess, which add() then adds; 0: none.
  std::int64_t draft(std::span<const std::int32_t> tokens, std::int64_t most,
                     std::span<const std::int32_t> ends, const DraftPrices& prices);
  /// Guesses of the model's own layer; the first one of `ends` and those after it are left.
  void add(std::span<const std::int32_t> guesses, std::span<const std::int32_t> ends);
  /// What a pass checks: the last token, and the guesses after it.  Empty: no draft was made for it.
  [[nodiscard]] std::span<const std::int32_t> line() const { return line_; }
  [[nodiscard]] std::span<const std::int32_t> guesses() const {
    return line().subspan(line_.empty() ? 0 : 1);
  }
  /// The first `accepted` guesses held; the draft is done with.
  void learn(std::int64_t accepted);
  /// The guesses cannot be computed: the draft is done with, and the last.
  void stop();

  struct Counts {
    std::int64_t drafted = 0, accepted = 0;
  };
  /// Of all guesses, and of those the ones by the model's own layer.
  [[nodiscard]] const Counts& all() const { return all_; }
  [[nodiscard]] const Counts& own() const { return own_; }

 private:
  void copy(std::span<const std::int32_t> tokens, std::int64_t from, std::int64_t count,
            std::span<const std::int32_t> ends);

  NgramIndex index_;
  DraftPolicy policy_;
  bool is_own_ = false;       // the draft is by the model's own layer
  double price_ = 0;          // of the draft's guesses
  std::int64_t matched_ = 0;  // before them
  std::vector<std::int32_t> line_;
  Counts all_, own_;
  bool stopped_ = false;
};

}  // namespace dsa
