// The trained indexer as a folder that every verb takes with --indexer (docs: interfaces, "An indexer for a
// model that has none").
#pragma once

#include <filesystem>

#include "checkpoint/open_model.h"
#include "train/checkpoint.h"
#include "train/train_log.h"

namespace dsa::train {

/// Writes config.json, indexer.safetensors (matrices BF16, norms F32) and README.md (the model card), each at
/// once or not at all.  `trained_context`: the longest context seen so far.  Throws Error.
void publish_indexer(const std::filesystem::path& folder, const ModelFiles& model, Checkpoint& checkpoint,
                     std::int64_t trained_context, const TrainLog& log);

}  // namespace dsa::train
