// A model opened to be measured or trained on: one document after the other, every position looked at.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "checkpoint/indexer_folder.h"
#include "model/transformer.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

/// The model's tokenizer.  Throws Error if it has tokens that the model has not.
Tokenizer fitting_tokenizer(const ModelFiles& files);

/// Not thread-safe: one run at a time; `cancel` may be set from anywhere.
class LoadedModel {
 public:
  /// The indexer is chosen as attach_indexer() says.  Throws Error.
  LoadedModel(const std::filesystem::path& path, const ModelOptions& options);

  [[nodiscard]] const ModelFiles& files() const { return files_; }
  [[nodiscard]] const ModelConfig& config() const { return transformer_->config(); }
  [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }
  [[nodiscard]] Transformer& transformer() { return *transformer_; }
  [[nodiscard]] Exec& exec() { return exec_; }
  [[nodiscard]] std::int64_t topk() const;  // 0: no indexer
  /// The folder that the indexer comes from; empty: there is none, or it is the model's own.
  [[nodiscard]] std::filesystem::path indexer_folder() const {
    return indexer_ ? indexer_->path : std::filesystem::path{};
  }

  /// Logits of positions [first, first + logits.rows()).
  using VisitLogits = std::function<void(std::int64_t first, TensorView<const float, 2> logits)>;
  /// After every chunk, `done` tokens are in the cache.
  using VisitProgress = std::function<void(std::int64_t done)>;

  /// Runs `tokens` from an empty cache; with `logits`, all of them are computed and shown chunk by chunk.
  /// False if cancelled.  Throws Error if a layer gives a NaN or an infinity.
  bool run(std::span<const std::int32_t> tokens, const VisitLogits& logits, const VisitProgress& progress,
           const std::atomic<bool>& cancel);

  /// Tokens of a sequence whose earlier ones are in the cache; later ones, if there are any, are forgotten.
  struct Stretch {
    std::span<const std::int32_t> tokens;
    std::int64_t first = 0;        // position of tokens[0]
    std::int64_t logits_from = 0;  // the first position whose logits are wanted
  };
  /// As run(), going on from what earlier calls left.
  bool extend(const Stretch& stretch, const VisitLogits& logits, const VisitProgress& progress,
              const std::atomic<bool>& cancel);

 private:
  [[nodiscard]] std::int64_t most_logits_rows() const;

  ModelFiles files_;
  std::optional<IndexerFolder> indexer_;
  Tokenizer tokenizer_;
  Exec exec_;
  std::unique_ptr<Transformer> transformer_;
  std::vector<std::int32_t> pages_;
  std::vector<std::int32_t> wanted_;
  std::vector<float> logits_;
};

}  // namespace dsa
