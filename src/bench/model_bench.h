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
#include "checkpoint/indexer_folder.h"
#include "model/transformer.h"

namespace dsa {

/// A figure in seconds, or nothing: it was cancelled.
using Seconds = std::optional<double>;

enum class Fill : std::uint8_t {
  automatic,  // sparse: every token is computed.  Dense: the first 1024 are, and repeated, because the time
              // of dense attention does not depend on what it reads
  compute,    // every token, in both
};

/// Runs token ids drawn from the vocabulary by position: a cell measured again computes the same.
/// One call at a time; `cancel` may be set from anywhere.
class ModelBench {
 public:
  /// options.attention is dense or sparse.  Dense: no indexer is loaded, none is paid for.  Sparse: the
  /// random one if a shape is given (top-k 512 unless options.topk says otherwise), else options.indexer or
  /// the model's own.  Throws Error.
  ModelBench(const std::filesystem::path& model, ModelOptions options, std::optional<IndexerShape> shape,
             const std::atomic<bool>& cancel);

  /// Opening the file, checking, packing, reserving.
  [[nodiscard]] double load_ms() const { return load_ms_; }
  [[nodiscard]] const Transformer& model() const { return *transformer_; }
  [[nodiscard]] const ModelFiles& files() const { return files_; }
  /// How many tokens a row attends to at most; 0: all.
  [[nodiscard]] std::int64_t topk() const;
  [[nodiscard]] const ModelOptions& options() const { return options_; }
  /// "4x32, random", "64x128", or "none".
  [[nodiscard]] std::string indexer_name() const;
  /// Tokens in the cache.
  [[nodiscard]] std::int64_t filled() const { return filled_; }
  /// The least work of decoding, or else of reading in chunks, `tokens` tokens from `depth`.
  [[nodiscard]] Cost decode_cost(std::int64_t depth, std::int64_t tokens) const;
  [[nodiscard]] Cost prefill_cost(std::int64_t depth, std::int64_t tokens) const;

  /// Brings `depth` tokens into the cache.  `visit` hears how many are there.  False if cancelled.
  bool fill(std::int64_t depth, Fill how, const std::function<void(std::int64_t done)>& visit = {});

  /// `tokens` tokens one by one from position `depth` with logits each; the cache is filled to `depth`.
  Seconds decode(std::int64_t depth, std::int64_t tokens);
  /// `tokens` tokens in chunks with logits of the last, likewise.
  Seconds prefill(std::int64_t depth, std::int64_t tokens);

 private:
  bool forward(std::int64_t first, std::int64_t count, bool wants_logits);
  void repeat_pages(std::int64_t depth);

  ModelFiles files_;
  ModelOptions options_;
  std::optional<IndexerFolder> indexer_folder_;
  std::unique_ptr<TensorSource> random_tensors_;
  Exec exec_;
  std::unique_ptr<Transformer> transformer_;
  const std::atomic<bool>& cancel_;
  std::vector<std::int32_t> pages_;
  std::vector<std::int32_t> tokens_;  // of one chunk
  std::vector<float> logits_;
  std::int64_t filled_ = 0;
  double load_ms_ = 0;
};

}  // namespace dsa
