// A model opened, and nothing loaded: which indexer it is to be run with.
#pragma once

#include <filesystem>
#include <memory>

#include "checkpoint/open_model.h"
#include "model/options.h"

namespace dsa {

/// All that can be asked before any weight is read.
struct OpenedModel {
  ModelFiles files = {};                      // config.indexer: the one in use, wherever it comes from
  std::filesystem::path indexer_folder = {};  // that it comes from; empty: the model's own, made up, or none
  std::unique_ptr<TensorSource> indexer_tensors = nullptr;  // null: they are the model's, or there are none

  [[nodiscard]] bool has_indexer() const { return files.config.indexer.has_value(); }
};

/// With the indexer of options.indexer; without one, for a model that has no indexer of its own: of the first
/// folder, by name, in options.indexer_folders that was trained for this very model.
/// None at all if options.use_indexer is false.  Its tokens are divided among the layers as
/// options.topk_layers says, if it says anything.
/// Throws Error if options.indexer cannot be read or does not fit; a broken one in options.indexer_folders is
/// named in a warning and passed over.
OpenedModel with_indexer(ModelFiles files, const LoadOptions& options);

/// How config.indexer is run: what it selects is divided among the layers as options.topk_layers says, if it
/// says anything, and its keys are kept as options.int8_keys says.  Throws Error.
void set_indexer(const LoadOptions& options, ModelConfig& config);

/// Throws Error if a model of this configuration cannot be run so.
void check_run(const RunOptions& run, const ModelConfig& config);

}  // namespace dsa
