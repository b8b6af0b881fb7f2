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
#include "model/options.h"
#include "model/rope_table.h"

namespace dsa {

/// A loaded model with its cache and scratch.  One forward pass at a time; not thread-safe.
/// `files` and `exec` must outlive it.
class Transformer {
 public:
  Transformer(const Transformer&) = delete;
  Transformer& operator=(const Transformer&) = delete;

  /// Loads and packs the weights and reserves cache and scratch.  Throws Error.
  /// `files.config.indexer` may come from the checkpoint or, with `indexer_tensors`, from an indexer folder.
  Transformer(const ModelFiles& files, const ModelOptions& options, const KernelTable& kernels, Exec& exec,
              const TensorSource* indexer_tensors = nullptr);

  /// Runs all sequences of the batch, at most max_tokens() rows together, writes their cache entries and the
  /// wanted logits: row i of `logits` [wanted, vocab] is the i-th wanted row, sequences in order.  status:
  /// one a sequence; a sequence that meets a non-finite layer output is marked, the others are not touched.
  /// Allocates nothing.  False if the pass was cancelled: then nothing it was to write may be used.
  bool forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status);

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] std::int64_t max_tokens() const { return max_tokens_; }
  [[nodiscard]] std::int64_t max_context() const { return cache_.pages() * kPageTokens; }
  [[nodiscard]] const KernelTable& kernels() const { return kernels_; }
  [[nodiscard]] const ModelWeights& weights() const { return weights_; }
  [[nodiscard]] const KvCache& cache() const { return cache_; }
  [[nodiscard]] const AttentionCounters& counters() const { return counters_; }

  [[nodiscard]] std::int64_t topk() const { return topk_; }  // 0: no indexer in use

  void set_attention(AttentionMode mode);
  /// How many tokens later passes select: at least 1, at most what the model was loaded with.
  void set_topk(std::int64_t topk);
  /// Tests and evaluation only.
  void set_hooks(ForwardHooks hooks) { hooks_ = std::move(hooks); }

 private:
  std::int64_t place_rows(const Batch& batch);
  void check_finite(const Batch& batch, std::int64_t layer, std::span<SequenceStatus> status) const;
  void output_logits(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status);

  const ModelFiles& files_;
  ModelConfig config_;
  ModelOptions options_;
  const KernelTable& kernels_;
  Exec& exec_;
  std::int64_t topk_ = 0;
  std::int64_t max_tokens_ = 0;

  ModelWeights weights_;
  KvCache cache_;
  RopeTable rope_;
  RopeTable index_rope_;
  Activations act_;
  std::vector<Block> blocks_;
  std::vector<KvRow> rows_;              // [max_tokens]
  std::vector<std::int64_t> positions_;  // [max_tokens]
  std::vector<std::int32_t> tokens_;     // [max_tokens]
  ForwardHooks hooks_;
  AttentionCounters counters_;
};

}  // namespace dsa
