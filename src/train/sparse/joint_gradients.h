// The gradients of a step that trains main weights and indexers together.
#pragma once

#include <array>
#include <span>

#include "exec/exec.h"
#include "train/loop/flat_tensors.h"
#include "train/warmup/indexer_parameters.h"

namespace dsa::train {

struct JointGradients {
  FlatTensors& main;
  IndexerTensors& indexer;
};

/// What a step has lost.
struct JointLosses {
  std::array<double, 2> main{};
  std::span<const double> indexer;  // by layer; may be empty
};

/// Before clipping.
struct GradientNorms {
  double main = 0;
  double indexer = 0;  // the largest of a layer
};

/// Clips the main gradient and each layer's of the indexer to `clip`.  Throws Error that says where the first
/// number lies that is not finite.
GradientNorms clip_and_check(const JointGradients& gradients, const JointLosses& losses, double clip,
                             Exec& exec);

}  // namespace dsa::train
