// On disk: a training of main weights and indexers together, each with an optimizer of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "train/loop/adamw.h"
#include "train/loop/checkpoint_file.h"
#include "train/loop/flat_tensors.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

/// An optimizer's moments, read back; empty before its first step.
struct Moments {
  std::int64_t steps = 0;
  std::vector<float> first, second;
};

/// Hands them over.
inline void restore(AdamW& optimizer, Moments& moments) {
  optimizer.restore({.steps = moments.steps, .first_moment = moments.first, .second_moment = moments.second});
  moments = {};
}

struct WeightsCheckpoint {
  Identity identity;
  Progress progress;
  IndexerTensors indexer;
  std::vector<float> main;  // the main weights, one after the other
  Moments main_moments, indexer_moments;

  explicit WeightsCheckpoint(const IndexerShape& shape) : indexer(shape) {}
};

/// Puts a checkpoint's main weights, if it has them, into `main`.  Throws Error naming the folder's
/// checkpoint if it has another size.
void restore_main(WeightsCheckpoint& checkpoint, FlatTensors& main, const std::filesystem::path& folder);

struct OptimizerStates {
  AdamW::State main, indexer;
};
/// Writes `c` with `main` and the optimizers' states in place of its own, which may be empty; `about` is
/// what the training adds to the JSON.  Replaces the file at once or not at all.  Throws Error if the disk
/// fails: the file before it stays.
void write_weights_checkpoint(const std::filesystem::path& path, const char* key, nlohmann::json about,
                              WeightsCheckpoint& c, std::span<const float> main,
                              const OptimizerStates& states);

/// Throws Error, or nlohmann's (CheckpointFile::read_checked), if something is missing.
void read_weights_checkpoint(const CheckpointFile& file, WeightsCheckpoint& out);

}  // namespace dsa::train
