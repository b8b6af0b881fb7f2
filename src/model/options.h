// How a model is to be run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "kernels/types.h"

namespace dsa {

enum class AttentionMode : std::uint8_t {
  automatic,  // over the selection where there is an indexer and the context exceeds
              // top-k, within its trained context
  dense,
  sparse,  // over the selection always; refused if the model has no indexer
};

/// The layer for guesses that DeepSeek-V3's family stores after the main ones (model/mtp.h).
enum class LoadMtp : std::uint8_t {
  no,
  if_whole,  // where the checkpoint has one; one that cannot be used is left out with a warning
  yes,       // or the model is refused
};

/// What is settled when a model is opened and loaded, for all of its sequences.
struct LoadOptions {
  Compute compute = Compute::automatic;
  std::int64_t topk = 0;     // most tokens of a selection, the mean over the layers; 0: the indexer's own
  std::int64_t context = 0;  // tokens of a sequence; 0: the model's max_position_embeddings
  std::int64_t cache = 0;    // tokens of cache, for all sequences; at least, and for 0: one context
  std::int64_t chunk = 0;    // most rows of one forward pass; 0: chosen by size
  int threads = 0;           // 0: Exec::default_threads()
  bool use_indexer = true;   // false: attention is dense, also where the model has an indexer
  std::optional<std::filesystem::path> indexer = {};  // an indexer folder for a model without one
  LoadMtp mtp = LoadMtp::no;
  bool int8_keys = false;      // the cache keeps index keys in int8, half the bytes; with Compute::automatic
  bool force_indexer = false;  // accept an indexer whose fingerprint is another model's
  std::vector<std::int64_t> topk_layers = {};  // by hand: of each layer, or one number for all
  std::vector<std::filesystem::path> indexer_folders =
      {};  // where to look, without `indexer`, for a folder that was trained for this very model
};

/// What each sequence may choose for itself, anew with every pass.
struct RunOptions {
  AttentionMode attention = AttentionMode::automatic;
  std::int64_t topk = 0;  // tokens that it selects, at most LoadOptions::topk, likewise a mean; 0: those

  friend bool operator==(const RunOptions&, const RunOptions&) = default;
};

}  // namespace dsa
