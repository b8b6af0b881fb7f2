// What a loaded model chooses while it reads an episode again: the same as when it was written, since a row
// does not depend on its batch.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/loaded_model.h"
#include "train/sparse/selected_attention.h"

namespace dsa::rl {

struct Trace {
  std::vector<float> log_probs;                    // of the tokens asked for, over what they were chosen from
  std::vector<std::vector<std::int32_t>> kept;     // of each, the ids it was chosen from; empty: all, for all
  std::vector<dsa::train::Selection> selections;   // by layer, rows of all tokens; empty: it attended densely
  std::vector<std::vector<std::int32_t>> experts;  // by layer [tokens, experts a token]; empty: it has none
};

struct TraceOrder {
  std::span<const std::int32_t> tokens;
  std::span<const std::int32_t> written = {};  // places of the tokens asked for, ascending
  RunOptions run = {};
  double top_p = 1;  // that they were sampled with, at temperature 1
  /// In place of that: the ids that each was chosen from.
  std::span<const std::vector<std::int32_t>> kept = {};
};

/// nullopt: cancelled.  Throws Error at a NaN, or at a token that could not have been chosen.
std::optional<Trace> trace(LoadedModel& model, const TraceOrder& order, const std::atomic<bool>& cancel);

}  // namespace dsa::rl
