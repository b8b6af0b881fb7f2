// How much of a prompt is read beside answers that are being written, and what guesses of theirs cost.
#pragma once

#include <array>
#include <cstdint>

namespace dsa {

/// Learns from how long passes took; decides how many prompt tokens the next one takes.  A pass that reads is
/// to take no more than kStretch times what a token of each answer takes once all of them are written, so
/// that no stream stumbles; which leaves reading a third of the machine.  Knows no clock.  One
/// thread at a time.
class Pace {
 public:
  static constexpr double kStretch = 1.5;
  /// While others wait to be read and nothing is written, a pass takes no longer than this.
  static constexpr double kTurnMs = 250;

  /// A pass of `writers` rows of answers and `read` tokens of prompts took `ms`.
  void learn(std::int64_t writers, std::int64_t read, double ms);

  /// Tokens to read in a pass beside `writers` rows, at most `most`, for those of whom `readers` wait to be
  /// read; 0 where it is not known yet what the answers take alone.
  [[nodiscard]] std::int64_t piece(std::int64_t writers, std::int64_t readers, std::int64_t most) const;

  /// What a pass of so many answers alone takes: seen, or on the line through the two next smaller numbers
  /// that were; 0: nothing is known.
  [[nodiscard]] double alone_ms(std::int64_t writers) const;

  /// A pass of `writers` answers that checked `drafted` guesses of theirs took `ms`.
  void learn_drafts(std::int64_t writers, std::int64_t drafted, double ms);
  /// What a guess costs each of `writers` answers: a share of the tokens that its time would write without.
  [[nodiscard]] double draft_price(std::int64_t writers) const;
  /// The model's own layer took `ms` for so many guesses.
  void learn_own(std::int64_t guesses, double ms);
  /// The same price of a guess that the model's own layer makes first.
  [[nodiscard]] double own_draft_price(std::int64_t writers) const;

 private:
  static constexpr std::size_t kRemembered = 15, kEnough = 3;
  // Of passes that only wrote, by number of rows: the last ones.
  struct Passes {
    std::array<double, kRemembered> ms = {};
    std::size_t count = 0;
    [[nodiscard]] double median() const;
  };
  static constexpr std::size_t kCounted = 257;  // rows; more count as the last
  std::array<Passes, kCounted> alone_;
  [[nodiscard]] double token_ms() const;
  [[nodiscard]] double token_alone_ms(std::int64_t writers) const;
  // Of passes that read, fading: tokens read, and the time that took.  0: nothing is known.
  double read_ = 0, read_ms_ = 0;
  double least_token_ms_ = 1e9;          // of a piece that was not small, lately
  std::int64_t largest_ = 1;             // piece beside answers that was tried
  double drafted_ = 0, drafted_ms_ = 0;  // guesses, fading, and the time that passes took more for them
  double own_ = 0, own_ms_ = 0;          // likewise those of the model's own layer, and the time it took
};

}  // namespace dsa
