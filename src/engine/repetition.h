// An answer that goes round in circles.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dsa {

/// Looks for a stretch of tokens that is written over and over, end to end, with nothing between: of 16 to 63
/// tokens for the 5th time, of 64 to 512 for the 3rd.  What repeats sooner than after 16 tokens counts as a
/// stretch of the first multiple that reaches them.  One thread at a time.
class RepetitionWatch {
 public:
  static constexpr std::int64_t kLeast = 16, kLong = 64, kMost = 512;

  RepetitionWatch();

  /// The answer has one token more, its last.  True: it goes round in circles.  O(kMost).
  bool push(std::span<const std::int32_t> answer);

  /// How often a stretch of so many tokens may not be written in a row.
  static constexpr std::int64_t times(std::int64_t stretch) { return stretch < kLong ? 5 : 3; }

 private:
  // [distance]: so many of the last tokens each equal the one `distance` before.
  std::vector<std::int64_t> run_;
};

}  // namespace dsa
