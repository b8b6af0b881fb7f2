// Writing the folder of a trained indexer, as checkpoint/indexer_folder.h reads it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/model_config.h"
#include "checkpoint/safetensors_write.h"

namespace dsa {

struct IndexerFolderToWrite {
  const ModelConfig& model;  // that it was trained for
  std::string fingerprint;   // of that model
  IndexerConfig config;      // `full` and `rope_interleave` are not written
  std::vector<TensorToWrite> tensors;
};

/// The weights, and then config.json, so that a folder that has one is whole.  The folder must exist.  Throws
/// Error if the disk fails.
void write_indexer_folder(const std::filesystem::path& folder, IndexerFolderToWrite indexer);

/// Replaces `index_topk` in the folder's config.json, which is there, and leaves everything else.  Throws
/// Error.
void rewrite_index_topk(const std::filesystem::path& folder, const std::vector<std::int64_t>& list);

}  // namespace dsa
