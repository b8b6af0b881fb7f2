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
  std::vector<float> log_probs;                    // of the tokens asked for
  std::vector<dsa::train::Selection> selections;   // by layer, rows of all tokens; empty: it attended densely
  std::vector<std::vector<std::int32_t>> experts;  // by layer [tokens, experts a token]; empty: it has none
};

/// `written`: places of tokens whose log-probabilities are wanted, ascending.  nullopt: cancelled.  Throws
/// Error at a NaN.
std::optional<Trace> trace(LoadedModel& model, std::span<const std::int32_t> tokens,
                           std::span<const std::int32_t> written, const RunOptions& run,
                           const std::atomic<bool>& cancel);

}  // namespace dsa::rl
