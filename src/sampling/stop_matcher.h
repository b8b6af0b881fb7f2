// Stop strings, found wherever the borders between tokens fall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

/// Passes text through and ends it before the first stop string.  What it lets through depends on the text
/// alone, not on how it was cut into pieces: the stop that is complete first wins, of two that end at the
/// same byte the longer.  (An Aho-Corasick automaton: a step a byte, however many stops there are.)  One
/// thread at a time.
class StopMatcher {
 public:
  static constexpr std::size_t kMaxStops = 64;
  static constexpr std::size_t kMaxStopBytes = 1024;

  /// Throws Error if a stop is empty, too long or no UTF-8, or if there are too many.
  explicit StopMatcher(std::vector<std::string> stops);

  /// Takes the next piece of text and returns what is now safe to show: all but an end that may yet become a
  /// stop.  The view lives until the next call.  Never splits a character if the text as a whole is UTF-8.
  /// After a match: always "".
  [[nodiscard]] std::string_view push(std::string_view text);

  /// The text is over: what was held back, "" after a match.
  [[nodiscard]] std::string_view finish();

  /// Which stop was found, as an index into the constructor's list.
  [[nodiscard]] std::optional<std::size_t> matched() const { return matched_; }

  /// Forgets text and match, for the next answer.
  void reset();

 private:
  struct Node {
    std::int32_t child = -1;    // first child
    std::int32_t sibling = -1;  // next child of the same parent
    std::int32_t fail = 0;      // node of the longest proper suffix that is in the trie
    std::int32_t stop = -1;     // longest stop that is a suffix of this node's text
    std::uint32_t depth = 0;    // bytes of this node's text
    char byte = 0;
  };
  [[nodiscard]] std::int32_t child(std::int32_t node, char byte) const;
  [[nodiscard]] std::int32_t step(std::int32_t node, char byte) const;
  void insert(std::string_view stop, std::size_t index);
  void link();

  std::vector<std::string> stops_;
  std::vector<Node> nodes_;  // [0] is the root
  std::int32_t state_ = 0;
  std::string held_;    // text that may be the beginning of a stop
  std::string output_;  // what push() and finish() return views of
  std::optional<std::size_t> matched_;
};

}  // namespace dsa
