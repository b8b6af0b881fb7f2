// The whole model: tokens in, logits out.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/open_model.h"
#include "model/batch.h"
#include "model/block.h"
#include "model/kv_cache.h"
#include "model/load_sizes.h"
#include "model/mtp.h"
#include "model/options.h"
#include "model/rope_table.h"
#include "model/validate.h"

namespace dsa {

/// A loaded model with its cache and scratch.  One forward pass at a time; not thread-safe.
/// `files`, whose tensors it reads where they lie, and `exec` must outlive it.
class Transformer {
 public:
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  /// Loads and packs the weights and reserves cache and scratch.  Throws Error.
  /// `files.config.indexer` is the one to run with: its weights are the checkpoint's or, if given,
  /// `indexer_tensors`.
  Transformer(const ModelFiles& files, const LoadOptions& options, const KernelTable& kernels, Exec& exec,
              const TensorSource* indexer_tensors = nullptr);

  /// Runs all sequences of the batch, at most max_tokens() rows together, writes their cache entries and the
  /// wanted logits: row i of `logits` [wanted, vocab] is the i-th wanted row, sequences in order.  status:
  /// one a sequence; one that is refused (BatchCheck), is cancelled or meets a non-finite layer output is
  /// marked, the others are not touched.  Allocates nothing.
  void forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status);

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] std::int64_t max_tokens() const { return sizes_.rows; }
  [[nodiscard]] std::int64_t max_context() const { return sizes_.context; }
  [[nodiscard]] const KernelTable& kernels() const { return kernels_; }
  [[nodiscard]] const ModelWeights& weights() const { return weights_; }
  [[nodiscard]] const KvCache& cache() const { return cache_; }
  [[nodiscard]] KvCache& cache() { return cache_; }
  /// The layer that guesses; null: there is none, or it was not asked for.
  [[nodiscard]] Mtp* mtp() const { return mtp_.get(); }
  [[nodiscard]] Compute compute() const { return compute_; }
  /// Of all passes so far: what the indexer took, its projections left out.
  [[nodiscard]] double indexer_ms() const { return indexer_ms_; }
  /// Most tokens of a selection, and how many a sequence selects that says nothing else, on average over the
  /// layers; 0: no indexer.
  [[nodiscard]] std::int64_t topk() const { return sizes_.topk; }
  /// Throws Error if a sequence cannot be run so.
  void check(const RunOptions& run) const;
  /// How the rows of a sequence that is run so attend.
  [[nodiscard]] SelectionRule selection_rule(const RunOptions& run) const {
    return dsa::selection_rule(run, config_, sizes_.topk);
  }

  /// For evaluation: from the next pass on sequences that say nothing else select so, in no layer more than
  /// the model was loaded for.  Rules that were made before are void.
  void divide_topk(const LayerTopk& layers);
  /// For tests, evaluation and training.
  void set_hooks(ForwardHooks hooks) { hooks_ = std::move(hooks); }

 private:
  std::int64_t place_rows(const Batch& batch, std::span<SequenceStatus> status);
  static bool note_cancelled(const Batch& batch, std::span<SequenceStatus> status);
  [[nodiscard]] bool last_layer_narrows(const Batch& batch, std::int64_t n) const;
  void output_logits(bool narrowed, TensorView<float, 2> logits);
  void note_not_finite(const Batch& batch, std::span<SequenceStatus> status) const;
  void show_mtp(const Batch& batch, std::span<const SequenceStatus> status);

  ModelConfig config_;
  Compute compute_;
  const KernelTable& kernels_;
  Exec& exec_;
  LoadSizes sizes_;

  ModelWeights weights_;
  KvCache cache_;
  RopeTable rope_;
  RopeTable index_rope_;
  Activations act_;
  std::vector<Block> blocks_;
  std::unique_ptr<Mtp> mtp_;
  std::vector<KvRow> rows_;              // [max_tokens]
  std::vector<std::int64_t> positions_;  // [max_tokens]
  std::vector<std::int32_t> tokens_;     // [max_tokens]
  std::vector<std::int32_t> wanted_;     // rows that want logits
  // The first layer, or -1, that put an infinity or a NaN into a row of the batch, and into a wanted row's
  // logits.  Written by ops, read once a pass.
  std::vector<std::int32_t> not_finite_;         // [max_tokens]
  std::vector<std::int32_t> logits_not_finite_;  // [max_tokens]
  BatchCheck check_batch_;
  AttentionPlan plan_;
  double indexer_ms_ = 0;
  ForwardHooks hooks_;
};

}  // namespace dsa
