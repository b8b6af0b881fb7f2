// The folder that `dsa train model` fills: what kind of model it is to be, and, in the end, the model.
#pragma once

#include <filesystem>
#include <string>

#include "checkpoint/model_config.h"
#include "train/loop/train_log.h"
#include "train/pretrain/checkpoint.h"

namespace dsa::train {

/// What a model is made from: a config.json, and a tokenizer.json with the files that belong beside it.
struct ModelRecipe {
  std::filesystem::path config;     // the file
  std::filesystem::path tokenizer;  // the file
};

/// Writes config.json (with BF16 for its types), tokenizer.json and, where there are, tokenizer_config.json,
/// generation_config.json and chat_template.jinja.  Throws Error.
void begin_pretrain_folder(const std::filesystem::path& folder, const ModelRecipe& recipe);

/// SHA-256 of a config.json as the folder holds it: which kind of model is this.
std::string config_hash(const std::filesystem::path& config);

/// Writes model.safetensors, as below, alone.
void write_pretrained_weights(const std::filesystem::path& folder, const ModelConfig& config,
                              const FlatTensors& weights, IndexerTensors& indexer);

/// Writes model.safetensors, names and layout those of DeepSeek-V3.2: BF16, routers' biases F32,
/// the prediction module's embedding and head once more; and README.md, the model card.
/// Each file is replaced at once.  Throws Error.
void publish_pretrained_model(const std::filesystem::path& folder, const ModelConfig& config,
                              const FlatTensors& weights, PretrainCheckpoint& checkpoint,
                              const TrainLog& log);

}  // namespace dsa::train
