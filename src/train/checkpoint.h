// A training on disk: everything the next step depends on, in one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "train/indexer_parameters.h"
#include "train/settings.h"

namespace dsa::train {

/// Where a training stands.
struct Progress {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::int64_t stage = 0;       // of the curriculum
  std::int64_t stage_step = 0;  // documents of this stage that are done
  std::int64_t budget = 0;      // tokens in all; 0: --hours has not been turned into tokens yet
  double hours = 0;             // what was asked for; 0: a token budget was

  [[nodiscard]] double done() const {
    return budget > 0 ? static_cast<double>(tokens) / static_cast<double>(budget) : 0;
  }
  [[nodiscard]] bool finished() const { return budget > 0 && tokens >= budget; }
};

/// What must be the same for a training to go on.
struct Identity {
  std::string model;   // fingerprint
  std::string corpus;  // corpus_hash()
};

struct Checkpoint {
  WarmupSettings settings;
  Identity identity;
  Progress progress;
  IndexerTensors parameters;
  std::int64_t optimizer_steps = 0;
  std::vector<float> first_moment, second_moment;  // of the optimizer; empty before its first step

  explicit Checkpoint(const IndexerShape& shape) : parameters(shape) {}
};

inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";

/// Replaces the file at once or not at all.  Throws Error if the disk fails: the file before it stays.
void write_checkpoint(const std::filesystem::path& path, Checkpoint& checkpoint);

/// Throws Error if the file is missing, cut short, or not one of ours.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace dsa::train
