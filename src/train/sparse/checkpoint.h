// The sparse stage on disk: everything the next step depends on, in one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "train/sparse/settings.h"
#include "train/sparse/weights_checkpoint.h"

namespace dsa::train {

/// `identity` is the model's that training began with; `main` may be LoRA's additions.
struct SparseCheckpoint : WeightsCheckpoint {
  SparseSettings settings;
  std::int64_t trained_context = 0;  // of the indexer that training began with

  using WeightsCheckpoint::WeightsCheckpoint;
};

/// As write_weights_checkpoint().
void write_sparse_checkpoint(const std::filesystem::path& path, SparseCheckpoint& c,
                             std::span<const float> main, const OptimizerStates& states);

/// Throws Error if the file is missing, cut short, or not one of ours.
SparseCheckpoint read_sparse_checkpoint(const std::filesystem::path& path);

}  // namespace dsa::train
