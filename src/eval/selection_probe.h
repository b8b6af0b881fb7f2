// Watches a dense run and asks of some of its query rows what an indexer would have kept of their attention.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/attention_mass.h"
#include "eval/selection.h"
#include "model/loaded_model.h"

namespace dsa {

/// Sampled positions of a window of `length`, ascending: `count` strata of [from, length), one drawn from
/// each (each position at most once).  A pure function of its arguments.
std::vector<std::int64_t> sample_positions(std::int64_t from, std::int64_t length, std::int64_t count,
                                           std::uint64_t seed, std::uint64_t stream);

/// Not thread-safe; must outlive the hooks it gives.
class SelectionProbe {
 public:
  /// topks ascending.  `buckets` are upper bounds of positions, ascending; the last covers every row.
  SelectionProbe(LoadedModel& model, std::vector<std::int64_t> topks, std::vector<std::int64_t> buckets);

  /// Before a window is run: the positions to look at, ascending.
  void begin(std::vector<std::int64_t> positions) { positions_ = std::move(positions); }
  [[nodiscard]] ForwardHooks hooks();

  /// [topk][layer][bucket], summed since the beginning.  A layer that shares another's
  /// selection is judged by it.
  [[nodiscard]] const std::vector<std::vector<std::vector<SelectionSums>>>& sums() const { return sums_; }

 private:
  /// What the indexer selects at one size for the row before each sampled row and for the row itself.
  struct Selected {
    std::vector<std::int32_t> idx;    // [2 * rows, topk]
    std::vector<std::int32_t> count;  // [2 * rows]
    [[nodiscard]] std::span<const std::int32_t> row(std::size_t i, std::int64_t topk) const;
  };

  void look(std::int64_t layer, const AttentionInputs& inputs);
  void find_rows(const AttentionInputs& inputs);
  void select(std::int64_t layer, const AttentionInputs& inputs);
  void judge(std::size_t row, std::int64_t visible, std::span<const float> mass, int rank);
  void collect(std::int64_t layer, const AttentionInputs& inputs);

  LoadedModel& model_;
  AttentionMass mass_;
  std::vector<std::int64_t> topks_;
  std::vector<std::int64_t> buckets_;
  std::vector<std::int64_t> positions_;
  std::vector<std::vector<std::vector<SelectionSums>>> sums_;

  std::vector<std::int64_t> rows_;     // of the batch
  std::vector<Selected> selected_;     // [topk]: of the last layer with an indexer of its own
  std::vector<SelectionSums> judged_;  // [rows, topks]
  std::vector<float> index_q_, index_w_;
  std::vector<KvRow> index_rows_;
  std::vector<std::vector<std::byte>> select_scratch_;  // [threads]
  std::vector<std::byte> index_scratch_;
};

}  // namespace dsa
