#include "train/warmup/layer_optimizers.h"

#include <cmath>

#include "train/loop/clip.h"

namespace dsa::train {

LayerOptimizers::LayerOptimizers(IndexerTensors& parameters, Exec& exec, const RowKernels& kernels) {
  for (std::int64_t layer = 0; layer < parameters.shape().layers; ++layer)
    layers_.emplace_back(parameters.layer_values(layer), exec, kernels);
}

double LayerOptimizers::step(std::int64_t layer, IndexerTensors& gradient, double clip,
                             double learning_rate) {
  const auto values = gradient.layer_values(layer);
  const double norm = clip_norm(values, clip);
  if (std::isfinite(norm)) layers_[static_cast<std::size_t>(layer)].step(values, learning_rate);
  return norm;
}

void LayerOptimizers::save(WarmupCheckpoint& checkpoint) {
  checkpoint.optimizer_steps = 0;
  checkpoint.first_moment.clear();
  checkpoint.second_moment.clear();
  for (const AdamW& layer : layers_) {
    const auto state = layer.state();
    checkpoint.optimizer_steps = state.steps;
    checkpoint.first_moment.insert(checkpoint.first_moment.end(), state.first_moment.begin(),
                                   state.first_moment.end());
    checkpoint.second_moment.insert(checkpoint.second_moment.end(), state.second_moment.begin(),
                                    state.second_moment.end());
  }
}

void LayerOptimizers::restore(const WarmupCheckpoint& checkpoint) {
  const auto size = static_cast<std::size_t>(checkpoint.parameters.shape().layer_size());
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    if (checkpoint.optimizer_steps == 0)
      layers_[layer].restore({});
    else
      layers_[layer].restore(
          {.steps = checkpoint.optimizer_steps,
           .first_moment = std::span(checkpoint.first_moment).subspan(layer * size, size),
           .second_moment = std::span(checkpoint.second_moment).subspan(layer * size, size)});
  }
}

}  // namespace dsa::train
