// The weights of a model from scratch: DeepSeek-V3.2's architecture (latent attention, experts, a
// multi-token-prediction module, an indexer in every layer), by its published names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/model_config.h"
#include "train/loop/flat_tensors.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

/// Throws Error that starts with `who` unless `dsa train model` can train such a model.
void check_trainable(const ModelConfig& config, std::string_view who);

/// Layers with attention and an indexer: the main ones, then the multi-token-prediction module.
constexpr std::int64_t attention_layers(const ModelConfig& config) {
  return config.num_hidden_layers + config.num_nextn_predict_layers;
}

/// Of the indexers in every one of attention_layers().
IndexerShape mla_indexer_shape(const ModelConfig& config);

/// Every weight but the indexers', zeros.  The prediction module's embedding and head are the main model's:
/// they are not there twice (published_twice() names the copies that a checkpoint holds).
/// e_score_correction_bias is there too, though no gradient moves it.
FlatTensors mla_weights(const ModelConfig& config);

/// Matrices uniform with a variance of 2 / (5 inputs), those that add to the residual stream
/// with a deviation of 2 / layers / sqrt(inputs) (Wang, Komatsuzaki 2021), norms 1,
/// router biases 0: the same for a seed on every machine.
void initialize(FlatTensors& weights, const ModelConfig& config, std::uint64_t seed);

/// The name of the router's bias of a layer.
std::string router_bias(std::int64_t layer);

/// A tensor of the prediction module that is a copy of a main one in published checkpoints.
struct TensorCopy {
  std::string name, of;
};
std::vector<TensorCopy> published_twice(const ModelConfig& config);

}  // namespace dsa::train
