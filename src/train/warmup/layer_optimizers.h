// The optimizers of a warm-up: one a layer, since layers learn apart from each other.
#pragma once

#include <cstdint>
#include <vector>

#include "train/loop/adamw.h"
#include "train/warmup/checkpoint.h"

namespace dsa::train {

/// Not thread-safe.
class LayerOptimizers {
 public:
  /// All of it must outlive this.
  LayerOptimizers(IndexerTensors& parameters, Exec& exec, const RowKernels& kernels);

  /// One step of the layer's weights along its gradient, which is first scaled down to a norm of `clip` if it
  /// is larger: one layer's large gradient does not slow the others down.  Returns the norm before that; a
  /// norm that is no finite number changes nothing.
  double step(std::int64_t layer, IndexerTensors& gradient, double clip, double learning_rate);

  /// Steps and moments, to and from their places in a checkpoint.
  void save(WarmupCheckpoint& checkpoint);
  void restore(const WarmupCheckpoint& checkpoint);

 private:
  std::vector<AdamW> layers_;
};

}  // namespace dsa::train
