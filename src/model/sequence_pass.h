// One sequence that has a loaded model's whole cache to itself: read, scored or continued in passes of the
// right size.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "model/loaded_model.h"

namespace dsa {

/// Not thread-safe: one call at a time; `cancel` may be set from anywhere.
class SequencePass {
 public:
  /// `model` must outlive it.  Whatever else runs on that model in between overwrites the sequence.
  explicit SequencePass(LoadedModel& model);

  /// Logits of positions [first, first + logits.rows()).
  using VisitLogits = std::function<void(std::int64_t first, TensorView<const float, 2> logits)>;
  /// After every pass, `done` tokens are in the cache.
  using VisitProgress = std::function<void(std::int64_t done)>;

  static constexpr std::int64_t kNoLogits = std::numeric_limits<std::int64_t>::max();

  /// Tokens of a sequence whose earlier ones are in the cache; later ones, if there are any, are forgotten.
  struct Stretch {
    std::span<const std::int32_t> tokens;
    std::int64_t first = 0;                // position of tokens[0]
    std::int64_t logits_from = kNoLogits;  // the first position whose logits are wanted
    RunOptions run = {};
    std::int64_t chunk = 0;  // most tokens of one pass; 0: as many as the model takes
  };
  /// Goes on from what earlier calls left.  False if cancelled.
  /// Throws Error if the stretch cannot be run or a layer gives a NaN or an infinity.
  bool extend(const Stretch& stretch, const VisitLogits& logits, const VisitProgress& progress,
              const std::atomic<bool>& cancel);
  /// All of `tokens` from an empty cache; with `logits`, all of them are computed and shown.
  bool run(std::span<const std::int32_t> tokens, const RunOptions& run, const VisitLogits& logits,
           const VisitProgress& progress, const std::atomic<bool>& cancel);

  /// Throws Error if `tokens` are none, do not fit in the context or hold an id outside the vocabulary.
  void check(std::span<const std::int32_t> tokens) const;

  [[nodiscard]] LoadedModel& model() { return model_; }
  /// The last row of logits that was computed; may be overwritten.
  [[nodiscard]] std::span<float> last_logits() { return last_logits_; }
  /// Over all calls.
  [[nodiscard]] const AttentionCounters& attention() const { return attention_; }

 private:
  [[nodiscard]] std::int64_t pass_tokens(const Stretch& stretch, std::int64_t first) const;

  LoadedModel& model_;
  std::vector<std::int32_t> pages_;   // every page of the cache, in order
  std::vector<std::int32_t> wanted_;  // 0, 1, 2, ...: rows of a pass
  std::vector<float> logits_;
  std::span<float> last_logits_;
  AttentionCounters attention_;
};

}  // namespace dsa
