// Sequences that are computed side by side, as rows of one: a beginning that they share is there once, and a
// row selects among those of its own sequence.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/sparse/selected_attention.h"

namespace dsa::train {

/// A sequence whose first `shared` tokens are those of the sequence of part `of`, which stands before it.
struct SequencePart {
  std::int64_t rows = 0;  // its own
  std::int64_t of = -1;
  std::int64_t shared = 0;
};

class JoinedRows {
 public:
  explicit JoinedRows(std::span<const SequencePart> parts);

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(positions_.size()); }
  [[nodiscard]] std::int64_t parts() const { return static_cast<std::int64_t>(parts_.size()); }
  [[nodiscard]] const SequencePart& part(std::int64_t i) const { return parts_[static_cast<std::size_t>(i)]; }
  /// The row of a part's first token of its own.
  [[nodiscard]] std::int64_t first(std::int64_t part) const { return first_[static_cast<std::size_t>(part)]; }
  /// By row: its place in its sequence.
  [[nodiscard]] const std::vector<std::int64_t>& positions() const { return positions_; }
  /// Tokens of a part's sequence, shared ones included.
  [[nodiscard]] std::int64_t length(std::int64_t part) const;
  [[nodiscard]] std::int64_t longest() const;
  /// Where a token of a part's sequence stands.
  [[nodiscard]] std::int64_t row(std::int64_t part, std::int64_t position) const;
  /// Where all of them stand, in ascending order.
  [[nodiscard]] std::vector<std::int64_t> sequence(std::int64_t part) const;
  /// The row of the token before this one; never asked of a sequence's first.
  [[nodiscard]] std::int64_t before(std::int64_t row) const;

  /// Makes room for selections of at most `topk` tokens of every row; each part then writes its own.
  void begin(std::int64_t topk, Selection& out) const;
  /// `own`: of all tokens of the part's sequence; null: each selects all that it sees.
  void select(std::int64_t part, const Selection* own, Selection& out) const;

 private:
  std::vector<SequencePart> parts_;
  std::vector<std::int64_t> first_;      // by part: its first own row
  std::vector<std::int64_t> positions_;  // by row
  std::vector<std::int64_t> part_of_;    // by row
};

}  // namespace dsa::train
