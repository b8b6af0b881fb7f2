// What an indexer's selections cost a model: attention mass kept, by layer and depth, and perplexity.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/perplexity.h"
#include "eval/selection.h"

namespace dsa {

struct SparsityOptions {
  // Ascending, none twice; the last is at most the model's, all below `length`.
  std::vector<std::int64_t> topks;
  std::int64_t length = 0;  // tokens of a window
  std::int64_t rows = 64;   // query rows looked at in each window
  std::uint64_t seed = 0;   // chooses the rows
  bool perplexity = true;
};

/// All that one selection size cost.
struct SparsityOfTopk {
  std::int64_t topk = 0;
  std::vector<std::vector<SelectionSums>> layers = {};  // [layer][bucket]
  Perplexity indexer = {};                              // 0 windows unless asked for
  Perplexity best = {};                                 // over the best selection of every layer

  [[nodiscard]] SelectionSums layer(std::size_t i) const;   // over all depths
  [[nodiscard]] SelectionSums bucket(std::size_t i) const;  // over all layers
  [[nodiscard]] SelectionSums all() const;
  [[nodiscard]] std::size_t worst_layer() const;  // lowest mass_ratio()
};

struct Sparsity {
  std::int64_t length = 0;
  std::int64_t windows = 0;
  std::vector<PositionBucket> buckets;  // of query rows: bounds only
  std::vector<SparsityOfTopk> topks;
  Perplexity dense;
};

/// Runs every window dense, looking at `rows` of its query rows in every layer, and then, for the perplexity,
/// over the indexer's and over the best selection of each size.  Only rows that see more than topk tokens
/// count: up to there everything is selected.  The model must have an indexer.  `progress` hears tokens done
/// of all; if cancelled the figures cover the windows that were finished.
Sparsity measure_sparsity(LoadedModel& model, std::span<const Document> documents,
                          std::span<const Window> windows, const SparsityOptions& options,
                          const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                          const std::atomic<bool>& cancel);

}  // namespace dsa
