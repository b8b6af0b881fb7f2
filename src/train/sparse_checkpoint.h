// The sparse stage on disk: everything the next step depends on, in one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/adamw.h"
#include "train/checkpoint_file.h"
#include "train/indexer_parameters.h"
#include "train/sparse_settings.h"

namespace dsa::train {

/// An optimizer's moments, read back; empty before its first step.
struct Moments {
  std::int64_t steps = 0;
  std::vector<float> first, second;
};

struct SparseCheckpoint {
  SparseSettings settings;
  Identity identity;  // of the model that training began with
  Progress progress;
  std::int64_t trained_context = 0;  // of the indexer that training began with
  IndexerTensors indexer;
  std::vector<float> main;  // the main weights' row, or LoRA's
  Moments main_moments, indexer_moments;

  explicit SparseCheckpoint(const IndexerShape& shape) : indexer(shape) {}
};

/// Writes `c` with `main` and the optimizers' states in place of its own rows, which may be empty.  Replaces
/// the file at once or not at all.  Throws Error if the disk fails: the file before it stays.
void write_sparse_checkpoint(const std::filesystem::path& path, SparseCheckpoint& c,
                             std::span<const float> main, const AdamW::State& main_state,
                             const AdamW::State& indexer_state);

/// Throws Error if the file is missing, cut short, or not one of ours.
SparseCheckpoint read_sparse_checkpoint(const std::filesystem::path& path);

}  // namespace dsa::train
