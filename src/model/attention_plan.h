// Which rows of a batch attend over everything and which over a selection.
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
  std::int64_t topk = 0;              // over the layers, on average; 0: no indexer
  std::int64_t trained_context = 0;   // automatic attends densely past it; 0: no bound
  const LayerTopk* layers = nullptr;  // how it is divided among them, outlives the rule; null: alike in all

  [[nodiscard]] std::int64_t topk_of(std::int64_t layer) const {
    return layers == nullptr ? topk : layers->of(layer, topk);
  }
  /// Of the layer that selects the fewest.
  [[nodiscard]] std::int64_t least_topk() const { return layers == nullptr ? topk : layers->least(topk); }

  /// Whether a row that sees `visible` tokens attends in some layer over a selection of them: a rule about
  /// the row alone, so that chunking cannot change it.  Up to top-k the selection is everything.
  [[nodiscard]] bool selects(std::int64_t visible) const {
    if (topk == 0 || attention == AttentionMode::dense || visible <= least_topk()) return false;
    return attention == AttentionMode::sparse || trained_context == 0 || visible <= trained_context;
  }

  /// Of `count` rows, the first of which stands at `first_position`, those that select in that layer.
  struct Rows {
    std::int64_t begin = 0, end = 0;
  };
  [[nodiscard]] Rows selecting(std::int64_t layer, std::int64_t first_position, std::int64_t count) const;
};

/// Whether a row that sees `visible` tokens attends by both rules to the same ones.
inline bool alike(const SelectionRule& a, const SelectionRule& b, std::int64_t visible) {
  const bool selects = a.selects(visible);
  if (selects != b.selects(visible)) return false;
  return !selects ||
         (a.topk == b.topk &&
          (a.layers == b.layers || (a.layers != nullptr && b.layers != nullptr && *a.layers == *b.layers)));
}

/// `topk`: what the model was loaded with, 0 without an indexer.  `config` outlives the rule.
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

  /// The rows [first, first + slice.tokens.size()) come next.  How many of them attend how, over `layers`
  /// layers.
  AttentionCounters add(const SequenceSlice& slice, const SelectionRule& rule, std::int64_t layers);
  void clear();

  /// What is told below is of this layer from now on.
  void enter(std::int64_t layer);
  /// Of this layer and of these rows alone, ascending; until clear().
  void keep(std::span<const std::int32_t> rows);

  /// Rows that an indexer selects for, together: all rows of the sequences of which some attend over a
  /// selection.
  [[nodiscard]] std::span<const RowGroup> selecting() const { return selecting_; }
  /// Rows that attend alike, together: all rows of the batch, or all that are kept, in order.
  [[nodiscard]] std::span<const RowGroup> attending() const { return attending_; }

 private:
  struct Slice {
    SelectionRule rule;
    std::int64_t first = 0, count = 0;  // of its rows
    std::int64_t first_position = 0;
  };
  std::vector<Slice> slices_;
  std::vector<RowGroup> selecting_, attending_, kept_;
  std::int64_t rows_ = 0;
  bool layers_differ_ = false;
};

}  // namespace dsa
