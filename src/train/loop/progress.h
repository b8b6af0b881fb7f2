// Where a training stands, how far it is to go, and what it is a training of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "checkpoint/open_model.h"
#include "text/documents.h"

namespace dsa::train {

/// How much is to be trained: one of the two.
struct Budget {
  std::int64_t tokens = 0;
  double hours = 0;
};

struct Progress {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::int64_t stage = 0;       // of the training's stages
  std::int64_t stage_step = 0;  // steps of this stage that are done
  std::int64_t budget = 0;      // tokens in all; 0: hours have not been turned into tokens yet
  double hours = 0;             // what was asked for; 0: a token budget was

  [[nodiscard]] double done() const {
    return budget > 0 ? static_cast<double>(tokens) / static_cast<double>(budget) : 0;
  }
  [[nodiscard]] bool finished() const { return budget > 0 && tokens >= budget; }
};
Progress first_progress(const Budget& budget);

/// What must be the same for a training to go on.
struct Identity {
  std::string model;         // fingerprint
  std::string weights = {};  // weights_digest(); empty: there are none, or the checkpoint is older than it
  std::string corpus;        // corpus_hash()
};
Identity identity_of(const ModelFiles& files, std::span<const Document> text);

inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";

/// Throws Error, naming the folder's checkpoint, unless it was made with this model and text.  For a
/// checkpoint from before there was a digest of the weights, these are not checked; a warning says so.
void check_identity(const Identity& then, const Identity& now, const std::filesystem::path& model,
                    const std::filesystem::path& folder);

}  // namespace dsa::train
