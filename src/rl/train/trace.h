// What a loaded model chooses while it reads an episode again: the same as when it was written, since a row
// does not depend on its batch.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/loaded_model.h"
#include "model/sequence_pass.h"
#include "train/sparse/selected_attention.h"

namespace dsa::rl {

struct Trace {
  std::vector<float> log_probs;                 // of the tokens asked for, over what they were chosen from
  std::vector<std::vector<std::int32_t>> kept;  // of each, the ids it was chosen from; empty: all, for all
  /// By layer, rows of all tokens; no rows: it saw everything.  Empty: all did.
  std::vector<dsa::train::Selection> selections;
  std::vector<std::vector<std::int32_t>> experts;  // by layer [tokens, experts a token]; empty: it has none
};

/// Rows that nobody selected for, up to position `end`, see all that is before them: at most as many as are
/// selected.
void see_all(dsa::train::Selection& selection, std::int64_t end);

/// Hooks that add what passes choose to `out`, which has a place for every layer; `done`: tokens of a
/// sequence before the pass at hand.  Both must outlive the passes.
ForwardHooks noting(Trace& out, const std::int64_t& done);

struct TraceOrder {
  std::span<const std::int32_t> tokens;
  std::span<const std::int32_t> written = {};  // places of the tokens asked for, ascending
  double top_p = 1;                            // that they were sampled with, at temperature 1
  /// In place of that: the ids that each was chosen from.
  std::span<const std::vector<std::int32_t>> kept = {};
};

/// Reads episodes, one after the other; the beginning that one shares with the last is not read again.
class Tracer {
 public:
  /// `model` must outlive it; nobody else may run it meanwhile.
  Tracer(LoadedModel& model, const RunOptions& run);

  /// nullopt: cancelled.  Throws Error at a NaN, or at a token that could not have been chosen.
  std::optional<Trace> read(const TraceOrder& order, const std::atomic<bool>& cancel);

 private:
  /// What is known already, up to a token that stands before all that are asked for.
  [[nodiscard]] std::int64_t known(const TraceOrder& order) const;

  LoadedModel& model_;
  RunOptions run_;
  SequencePass pass_;
  std::vector<std::int32_t> tokens_;  // in the cache
  Trace last_;                        // choices of those; a layer that made none has no rows
};

}  // namespace dsa::rl
