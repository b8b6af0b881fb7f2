// What the sparse stage leaves behind: a Hugging Face folder in BF16 that carries its indexer inside.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/open_model.h"
#include "train/loop/flat_tensors.h"
#include "train/sparse/checkpoint.h"

namespace dsa::train {

/// Throws Error if no folder can be written for such a model: said before hours of training.
void check_publishable(const ModelFiles& base);

struct IndexerToPublish {
  std::int64_t topk = 0;  // the mean over the layers
  LayerTopk layer_topk = {};
  std::int64_t trained_context = 0;
  IndexerTensors& parameters;
};
/// Writes config.json, model.safetensors, the tokenizer's files (copied, or made from a GGUF's) and, where
/// there is an indexer, the folder indexer/.  Each file is replaced at once; while they do not fit together
/// there is no indexer/config.json, and the folder is a dense model.  Throws Error.
void publish_gqa_model(const std::filesystem::path& folder, const ModelFiles& base,
                       const FlatTensors& weights, const std::optional<IndexerToPublish>& indexer);
/// The same, with the indexer of a training.
void publish_sparse_model(const std::filesystem::path& folder, const ModelFiles& base,
                          const FlatTensors& weights, SparseCheckpoint& checkpoint);

}  // namespace dsa::train
