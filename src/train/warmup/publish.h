// The trained indexer as a folder that every verb takes with --indexer
// (docs/interfaces.md, "An indexer for a model that has none").
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/open_model.h"
#include "checkpoint/safetensors_write.h"
#include "train/loop/train_log.h"
#include "train/warmup/checkpoint.h"

namespace dsa::train {

struct PublishedIndexer {
  const ModelConfig& model;  // that it is for
  std::string fingerprint;   // that model's
  std::int64_t topk = 0;     // the mean over the layers
  LayerTopk layer_topk = {};
  std::int64_t trained_context = 0;  // the longest context seen
  IndexerTensors& parameters;
};

/// Writes indexer.safetensors (matrices BF16, norms F32) and then config.json,
/// each at once or not at all.  Throws Error.
void write_indexer(const std::filesystem::path& folder, const PublishedIndexer& indexer);

/// What may lie beside a tokenizer.json and belongs to it.
inline constexpr std::array kTokenizerFiles{"tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
                                            "special_tokens_map.json", "generation_config.json"};
/// Copies those of the files that are there.  Throws Error.
void copy_files(const std::filesystem::path& from, const std::filesystem::path& to,
                std::span<const char* const> names);

/// Tensors as they are published: matrices as BF16, vectors as F32 or BF16.  Owns what it rounds; moved or
/// destroyed only when the file is written.
class RoundedTensors {
 public:
  enum class Vectors : std::uint8_t { f32, bf16 };
  explicit RoundedTensors(Vectors vectors) : vectors_(vectors) {}
  void add(const std::string& name, const std::vector<std::int64_t>& shape, std::span<const float> values);
  /// As F32; `values` must live until the file is written.
  void add_exact(const std::string& name, const std::vector<std::int64_t>& shape,
                 std::span<const float> values);
  [[nodiscard]] const std::vector<TensorToWrite>& list() const { return list_; }

 private:
  Vectors vectors_;
  std::deque<std::vector<bf16>> rounded_;
  std::vector<TensorToWrite> list_;
};

/// write_indexer() and README.md (the model card) of a warm-up: config.json, indexer.safetensors (matrices
/// BF16, norms F32) and README.md (the model card), each at once or not at all.  `trained_context`: the
/// longest context seen so far.  Throws Error.
void publish_indexer(const std::filesystem::path& folder, const ModelFiles& model,
                     WarmupCheckpoint& checkpoint, std::int64_t trained_context, const TrainLog& log);

}  // namespace dsa::train
