// One loaded model whose cache is filled to a depth, rewound, and measured there.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/cost.h"
#include "bench/random_indexer.h"
#include "bench/side_by_side.h"
#include "model/sequence_pass.h"

namespace dsa {

/// A figure in seconds, or nothing: it was cancelled.
using Seconds = std::optional<double>;

enum class Fill : std::uint8_t {
  automatic,  // sparse: every token is computed.  Dense: the first 1024 are, and repeated, because the time
              // of dense attention does not depend on what it reads
  compute,    // every token, in both
};

/// A model opened to be measured.
struct OpenedBench {
  OpenedModel model = {};
  bool random_indexer = false;
  double open_ms = 0;
};
/// With a random indexer if a shape is given (top-k 512 unless options.topk says otherwise), else with the
/// one that with_indexer() finds.  Throws Error.
OpenedBench open_for_bench(const std::filesystem::path& model, const LoadOptions& options,
                           std::optional<RandomIndexerShape> shape);

/// Runs token ids drawn from the vocabulary by position: a cell measured again computes the same.
/// One call at a time; `cancel` may be set from anywhere.
class ModelBench {
 public:
  /// Dense or sparse.  An indexer that is loaded is paid for also where attention is dense.  Throws Error.
  ModelBench(OpenedBench opened, const LoadOptions& options, AttentionMode attention,
             const std::atomic<bool>& cancel);

  /// Opening the file, checking, packing, reserving.
  [[nodiscard]] double load_ms() const { return open_ms_ + model_.load_time().count(); }
  [[nodiscard]] const LoadedModel& model() const { return model_; }
  /// How many tokens a row attends to at most; 0: all.
  [[nodiscard]] std::int64_t topk() const;
  [[nodiscard]] int threads() { return model_.exec().threads(); }
  [[nodiscard]] AttentionMode attention() const { return run_.attention; }
  /// "4x32, random", "64x128", or "none".
  [[nodiscard]] std::string indexer_name() const;
  /// Tokens in the cache.
  [[nodiscard]] std::int64_t filled() const { return filled_; }
  /// The least work of decoding, or else of reading in chunks, `tokens` tokens from `depth`.
  [[nodiscard]] PassCost decode_cost(std::int64_t depth, std::int64_t tokens,
                                     const SideBySide& side = {}) const;
  [[nodiscard]] PassCost prefill_cost(std::int64_t depth, std::int64_t tokens) const;

  /// Brings `depth` tokens into the cache.  `visit` hears how many are there.  False if cancelled.
  bool fill(std::int64_t depth, Fill how, const std::function<void(std::int64_t done)>& visit = {});

  /// Sequences that begin with what the cache holds up to `depth`; until the next fill().
  SequencesAtDepth at_depth(std::int64_t depth, const SideBySide& side = {});
  /// `tokens` tokens of each of them, one by one, with logits.
  Seconds decode(SequencesAtDepth& sequences, std::int64_t tokens);
  /// `tokens` tokens in chunks with logits of the last from position `depth`; the cache is filled to it.
  Seconds prefill(std::int64_t depth, std::int64_t tokens);

 private:
  /// The token that a sequence has at a position.
  [[nodiscard]] std::int32_t token(std::int64_t position, std::int64_t sequence = 0) const;
  bool extend(std::int64_t first, std::int64_t count, bool wants_logits,
              const SequencePass::VisitProgress& progress = {});
  void repeat_pages(std::int64_t depth);

  bool random_indexer_;
  double open_ms_;
  LoadedModel model_;
  SequencePass pass_;
  RunOptions run_;
  const std::atomic<bool>& cancel_;
  std::vector<std::int32_t> tokens_;  // of one stretch
  std::int64_t filled_ = 0;
};

}  // namespace dsa
