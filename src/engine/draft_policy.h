// How many tokens to guess, and by what.
#pragma once

#include <array>
#include <cstdint>

#include "base/function_ref.h"

namespace dsa {

/// Guesses of the next tokens of answers, computed in the pass that would compute the next one alone: those
/// that the model then says are the answer, and nothing changes but the time.
enum class Speculation : std::uint8_t {
  off,
  ngram,      // from what stood before (NgramIndex)
  mtp,        // by the model's own layer (Mtp)
  automatic,  // by either
};

/// Of one answer: weighs how often guesses held against what they cost, and pays from a purse, so that an
/// answer whose guesses never hold is late by no more than kStart tokens and kShare of its length.  Of copied
/// guesses it tells those after a longer match from those after a shorter one, of the model's own the first
/// from those further on.  A price is what a guess costs as a share of the tokens that its time would write
/// without guesses: it knows no clock.  One thread at a time.
class DraftPolicy {
 public:
  static constexpr std::int64_t kMost = 32;    // guesses of a pass
  static constexpr std::int64_t kMostOwn = 8;  // of those by the model's own layer
  static constexpr double kStart = 1;          // in the purse at first, and what the allowance fills it to
  static constexpr double kShare = 0.01;       // allowance for each token
  static constexpr double kFull = 16;          // what right guesses fill it to
  /// Tokens between two looks whether the model's own guesses pay by now: at first, and when they never did.
  static constexpr std::int64_t kLook = 64, kRareLook = 1024;

  struct Plan {
    std::int64_t guesses = 0;
    double speed = 0;  // with them, as a multiple of that without, by what was seen; 0: there are none
  };
  /// Guesses copied after a match of `matched` tokens, at most `most`.
  [[nodiscard]] Plan copied(std::int64_t matched, std::int64_t most, double price) const;
  /// Guesses by the model's own layer, at most `most`.
  [[nodiscard]] Plan own(std::int64_t most, double price) const;
  /// A pass wrote a token, and so many more as were `accepted` of the `drafted`.
  void learn_copied(std::int64_t matched, std::int64_t drafted, std::int64_t accepted, double price);
  void learn_own(std::int64_t drafted, std::int64_t accepted, double price);

 private:
  struct Seen {
    double right = 0, wrong = 0;  // guesses, up to the first wrong one of a pass: the last few
    void add(double more_right, double more_wrong);
  };
  static constexpr std::size_t kCopied = 5, kOwn = 4;  // kinds: by length of the match, by depth
  [[nodiscard]] static std::size_t own_kind(std::int64_t guess);
  /// What pays; no guesses: nothing does.
  [[nodiscard]] Plan best(std::int64_t most, double price,
                          FunctionRef<std::size_t(std::int64_t guess)> kind) const;
  void pay(std::int64_t drafted, std::int64_t accepted, double price);
  [[nodiscard]] double chance(std::size_t kind) const;
  [[nodiscard]] Plan best_own(std::int64_t most, double price) const;
  /// One guess, to see whether what was wrong still is.
  [[nodiscard]] Plan look(std::int64_t most, double price, std::size_t kind) const;

  std::array<Seen, kCopied + kOwn> seen_;
  double purse_ = kStart;
  std::int64_t since_own_ = kLook, look_after_ = kLook;  // tokens since its last guess, and until a look
};

}  // namespace dsa
