// A warm-up on disk: everything the next step depends on, in one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/loop/checkpoint_file.h"
#include "train/warmup/indexer_parameters.h"
#include "train/warmup/settings.h"

namespace dsa::train {

struct WarmupCheckpoint {
  WarmupSettings settings;
  Identity identity;
  Progress progress;
  IndexerTensors parameters;
  std::int64_t optimizer_steps = 0;
  std::vector<float> first_moment, second_moment;  // of the optimizer; empty before its first step

  explicit WarmupCheckpoint(const IndexerShape& shape) : parameters(shape) {}
};

/// Replaces the file at once or not at all.  Throws Error if the disk fails: the file before it stays.
void write_warmup_checkpoint(const std::filesystem::path& path, WarmupCheckpoint& checkpoint);

/// Throws Error if the file is missing, cut short, or not one of ours.
WarmupCheckpoint read_warmup_checkpoint(const std::filesystem::path& path);

}  // namespace dsa::train
