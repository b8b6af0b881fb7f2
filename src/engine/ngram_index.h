// Where the last tokens of a text stood before.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dsa {

/// Finds in a text that grows the place whose last tokens are those of its end: what came next there may come
/// next here.  Chains of positions by the hash of kGram tokens, as in DEFLATE: a token costs O(1) amortised,
/// a look kCandidates comparisons of at most kLongest tokens, and memory stays below 8 bytes for each of
/// kWindow tokens; what lies further back is not found.  Holds no tokens.  One thread at a time.
class NgramIndex {
 public:
  static constexpr std::int64_t kGram = 3;  // tokens that must be the same
  static constexpr std::int64_t kLongest = 32;
  static constexpr std::int64_t kCandidates = 8;
  static constexpr std::int64_t kWindow = 1 << 16;

  struct Match {
    std::int64_t next = 0;  // position of the token that came next there
    std::int64_t length =
        0;  // tokens before it that are the same, kGram to kLongest; 0: there is no such place
  };
  /// The longest match among the latest places, of equal ones the latest.  `tokens` begins with those of the
  /// call before.
  [[nodiscard]] Match find(std::span<const std::int32_t> tokens);

 private:
  void grow(std::int64_t size);
  void add(std::span<const std::int32_t> tokens, std::int64_t at);
  [[nodiscard]] std::size_t slot(std::span<const std::int32_t> gram) const;

  static constexpr std::int32_t kNowhere = -1;
  std::vector<std::int32_t> latest_;  // [hash]: where such a gram last ended
  std::vector<std::int32_t> before_;  // [position modulo its size]: where one of the same hash did before
  std::int64_t added_ = 0;            // positions whose grams are in
};

}  // namespace dsa
