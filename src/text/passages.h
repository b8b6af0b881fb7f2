// Ordinary text to plant facts in and to talk about: files cut into pieces of a paragraph or so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/draws.h"

namespace dsa {

/// Immutable: any number of threads may share one.
class Passages {
 public:
  /// Invalid UTF-8 is repaired; texts without a paragraph leave nothing.  Throws Error if none leaves any.
  explicit Passages(std::span<const std::string> texts);

  /// Consecutive pieces from a random one on, at least `bytes` in all (cut at the end of a piece).
  [[nodiscard]] std::string draw(Draws& draws, std::int64_t bytes) const;

  /// The same from piece `at` on, which is moved past what was read; after the last text comes the first.
  [[nodiscard]] std::string read(std::size_t& at, std::int64_t bytes) const;

  [[nodiscard]] std::size_t pieces() const { return pieces_.size(); }
  /// A piece to begin at.
  [[nodiscard]] std::size_t any(Draws& draws) const {
    return static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(pieces_.size())));
  }

 private:
  struct Piece {
    std::size_t text = 0, begin = 0, end = 0;
  };

  std::vector<std::string> texts_;
  std::vector<Piece> pieces_;
};

/// At most `most` bytes of `text`: up to the end of a line, else of a word, else of a character.
std::string_view cut_text(std::string_view text, std::size_t most);
/// Without white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace dsa
