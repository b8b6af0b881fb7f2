// The dense feed-forward part: of a layer, and of one expert.
#pragma once

#include "model/step.h"

namespace dsa {

/// y = down(silu(gate(x)) * up(x)).
class Mlp {
 public:
  explicit Mlp(const MlpWeights& weights) : weights_(weights) {}
  void forward(const Step& step, TensorView<const float, 2> x, TensorView<float, 2> y) const;

 private:
  const MlpWeights& weights_;
};

}  // namespace dsa
