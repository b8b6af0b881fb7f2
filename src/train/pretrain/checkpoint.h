// A model trained from scratch on disk: everything the next step depends on, in one file.
#pragma once

#include <filesystem>
#include <span>

#include "train/pretrain/settings.h"
#include "train/sparse/weights_checkpoint.h"

namespace dsa::train {

/// `identity.model` is the SHA-256 of the config.json.
struct PretrainCheckpoint : WeightsCheckpoint {
  PretrainSettings settings;

  using WeightsCheckpoint::WeightsCheckpoint;
};

/// As write_weights_checkpoint().
void write_pretrain_checkpoint(const std::filesystem::path& path, PretrainCheckpoint& c,
                               std::span<const float> main, const OptimizerStates& states);

/// Throws Error if the file is missing, cut short, or not one of ours.
PretrainCheckpoint read_pretrain_checkpoint(const std::filesystem::path& path);

}  // namespace dsa::train
