// How many tokens to guess.
#pragma once

#include <array>
#include <cstdint>

namespace dsa {

/// Guesses of the next tokens of answers, computed in the pass that would compute the next one alone: those
/// that the model then says are the answer, and nothing changes but the time.
enum class Speculation : std::uint8_t { off, automatic };

/// Of one answer: weighs how often guesses after matches of such a length held against what they cost, and
/// pays from a purse, so that an answer whose guesses never hold is late by no more than kStart tokens and
/// kShare of its length.  A price is what a guess costs as a share of the tokens that its time would write
/// without guesses: it knows no clock.  One thread at a time.
class DraftPolicy {
 public:
  static constexpr std::int64_t kMost = 32;  // guesses of a pass
  static constexpr double kStart = 1;        // in the purse at first, and what the allowance fills it to
  static constexpr double kShare = 0.01;     // allowance for each token
  static constexpr double kFull = 16;        // what right guesses fill it to

  /// Guesses after a match of `matched` tokens, at most `most`.
  [[nodiscard]] std::int64_t length(std::int64_t matched, std::int64_t most, double price) const;
  /// A pass wrote a token, and so many more as were `accepted` of the `drafted`.
  void learn(std::int64_t matched, std::int64_t drafted, std::int64_t accepted, double price);

 private:
  struct Seen {
    double right = 0, wrong = 0;  // guesses, up to the first wrong one of a pass: the last few
  };
  static constexpr std::size_t kKinds = 5;  // of matches, by length
  [[nodiscard]] static std::size_t kind(std::int64_t matched);
  [[nodiscard]] double chance(std::size_t kind) const;

  std::array<Seen, kKinds> seen_;
  double purse_ = kStart;
};

}  // namespace dsa
