// The feed-forward part of one layer: dense MLP or mixture of experts.
#pragma once

#include "model/step.h"

namespace dsa {

/// y = down(silu(gate(x)) * up(x)).
void mlp_forward(const Step& step, const MlpWeights& weights, TensorView<const float, 2> x,
                 TensorView<float, 2> y);

/// delta = sum over the routed experts of weight * expert(h) + shared expert(h).
/// Experts run in ascending order, each over all its tokens at once:
/// a token's sum has one order whatever the batch.
class Moe {
 public:
  Moe(const MoeWeights& weights, std::int64_t layer) : weights_(weights), layer_(layer) {}
  void forward(const Step& step) const;

 private:
  void route(const Step& step) const;
  void sort_by_expert(const Step& step) const;
  void run_expert(const Step& step, std::int64_t expert) const;

  const MoeWeights& weights_;
  std::int64_t layer_;
};

}  // namespace dsa
