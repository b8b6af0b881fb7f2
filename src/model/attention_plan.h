// Which rows of a batch attend over everything and which over a selection: worked out once for all layers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/model_config.h"
#include "model/batch.h"

namespace dsa {

/// How the rows of one sequence choose.
struct SelectionRule {
  AttentionMode attention = AttentionMode::automatic;
  std::int64_t topk = 0;             // 0: no indexer
  std::int64_t trained_context = 0;  // automatic attends densely past it; 0: no bound

  /// Whether a row that sees `visible` tokens attends over a selection of them: a rule about the row alone,
  /// so that chunking cannot change it.  Up to top-k the selection is everything.
  [[nodiscard]] bool selects(std::int64_t visible) const {
    if (topk == 0 || attention == AttentionMode::dense || visible <= topk) return false;
    return attention == AttentionMode::sparse || trained_context == 0 || visible <= trained_context;
  }
};

/// Whether a row that sees `visible` tokens attends by both rules to the same ones.
inline bool alike(const SelectionRule& a, const SelectionRule& b, std::int64_t visible) {
  const bool selects = a.selects(visible);
  return selects == b.selects(visible) && (!selects || a.topk == b.topk);
}

/// `topk`: what the model was loaded with, 0 without an indexer.
SelectionRule selection_rule(const RunOptions& run, const ModelConfig& config, std::int64_t topk);

/// Consecutive rows of a batch.
struct RowGroup {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t topk = 0;  // tokens that each selects; 0: none, it attends to everything
};

/// Made anew for every batch, in memory that is reserved once.
class AttentionPlan {
 public:
  /// For batches of at most `rows` rows.
  void reserve(std::int64_t rows);

  /// The rows [first, first + slice.tokens.size()) come next.  How many of them attend how, in one layer.
  AttentionCounters add(const SequenceSlice& slice, const SelectionRule& rule);
  void clear();

  /// Rows that an indexer selects for, together: all rows of the sequences of which some attend over a
  /// selection.
  [[nodiscard]] std::span<const RowGroup> selecting() const { return selecting_; }
  /// Rows that attend alike, together: all rows of the batch, in order.
  [[nodiscard]] std::span<const RowGroup> attending() const { return attending_; }

 private:
  std::vector<RowGroup> selecting_, attending_;
  std::int64_t rows_ = 0;
};

}  // namespace dsa
