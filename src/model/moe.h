// The mixture of experts of one layer.
#pragma once

#include <optional>
#include <vector>

#include "model/mlp.h"

namespace dsa {

/// delta = sum over the routed experts of weight * expert(h) + shared expert(h).
/// Experts run in ascending order, each over all its tokens at once:
/// a token's sum has one order whatever the batch.
class Moe {
 public:
  Moe(const MoeWeights& weights, std::int64_t layer);
  void forward(const Step& step) const;

 private:
  void route(const Step& step) const;
  void run_expert(const Step& step, std::int64_t expert) const;

  const MoeWeights& weights_;
  std::int64_t layer_;
  std::optional<Mlp> shared_;
  std::vector<Mlp> experts_;
};

}  // namespace dsa
