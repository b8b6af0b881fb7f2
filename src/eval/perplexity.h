// How well a model predicts text, by position.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "eval/statistics.h"
#include "model/sequence_pass.h"
#include "text/documents.h"

namespace dsa {

/// Predicted tokens at positions [from, to) of their windows.
struct PositionBucket {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t tokens = 0;
  double nll = 0;  // sum of -ln p

  [[nodiscard]] double perplexity() const;
};

struct Perplexity {
  std::int64_t windows = 0;
  PositionBucket all;
  PositionBucket second_half;
  // 0 .. 1024, 1024 .. 2048, 2048 .. 4096, ...: cut at the window's end.
  std::vector<PositionBucket> by_position;
  // Means of each window, in order: for paired comparisons.
  std::vector<double> window_nll;
  std::vector<double> window_second_half_nll;
  double seconds = 0;

  [[nodiscard]] double tokens_per_second() const;
  /// More windows of the same length.
  void add(const Perplexity& more);
};

enum class TextPart : std::uint8_t { all, second_half };

/// By how many percent one perplexity lies above another, measured over the same windows.
struct PerplexityGap {
  double percent = 0;
  std::optional<Interval> interval = {};  // paired over windows; none below two
};
PerplexityGap perplexity_gap(const Perplexity& of, const Perplexity& above, TextPart part);

/// -ln softmax(logits)[target], summed in double.
double token_nll(std::span<const float> logits, std::int32_t target);

/// The buckets of windows of `length`.
std::vector<PositionBucket> position_buckets(std::int64_t length);

/// Every window from an empty cache, run as `run` says; its first token is not predicted.
/// `progress` hears tokens done of all.  If cancelled the figures cover the windows that were finished.
Perplexity measure_perplexity(SequencePass& pass, const RunOptions& run, std::span<const Document> documents,
                              std::span<const Window> windows, std::int64_t length,
                              const std::function<void(std::int64_t done, std::int64_t total)>& progress,
                              const std::atomic<bool>& cancel);

}  // namespace dsa
