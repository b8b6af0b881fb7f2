// The folder of a trained indexer: config.json and indexer.safetensors
// (docs/interfaces.md, "An indexer for a model that has none").
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "checkpoint/open_model.h"

namespace dsa {

/// What the folder says about the model it was trained for.
struct IndexerBaseModel {
  std::string architecture;  // as in a config.json: "LlamaForCausalLM"
  std::int64_t hidden_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t vocab_size = 0;
  std::string fingerprint;  // see checkpoint/fingerprint.h
};

inline constexpr const char* kIndexerConfigFile = "config.json";
inline constexpr const char* kIndexerWeightsFile = "indexer.safetensors";
inline constexpr const char* kIndexerModelType = "dsa_indexer";  // in config.json
inline constexpr std::int64_t kIndexerFormat = 1;                // likewise

/// Opened and checked: every layer has the five tensors with their shapes, none is left over.
struct IndexerFolder {
  std::filesystem::path path;
  IndexerConfig config;
  IndexerBaseModel base_model;
  std::unique_ptr<TensorSource> tensors;
};

/// Throws Error.
IndexerFolder open_indexer_folder(const std::filesystem::path& folder);

/// Where a model that the sparse stage changed keeps its indexer: a folder inside its own.
inline constexpr const char* kOwnIndexerFolder = "indexer";
/// Gives `model`, a Hugging Face folder, the indexer inside it, if there is one: its config and its tensors
/// become the model's.  Throws Error.
void attach_own_indexer(ModelFiles& model);

enum class FingerprintCheck : std::uint8_t { enforce, skip };  // skip: --force-indexer

/// Throws Error unless the indexer was trained for this model: its sizes must fit in any case.
void check_indexer_fits(const IndexerFolder& indexer, const ModelFiles& model, FingerprintCheck check);

}  // namespace dsa
