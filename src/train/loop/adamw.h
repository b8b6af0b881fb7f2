// The optimizer of all trainings.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "exec/exec.h"
#include "kernels/rows/row_kernels.h"

namespace dsa::train {

/// AdamW (Loshchilov, Hutter 2019) over a flat vector of parameters, updated in place:
///   m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
///   x = x - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
/// float32, in the order of libtorch's: the same bits.  Weights decay where they are trained from scratch,
/// and there by a rule of their own (train/pretrain/trainer.cpp).  Results do not depend on the number of
/// threads.  Not thread-safe.
class AdamW {
 public:
  static constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kEps = 1e-8;

  /// All of it must outlive this.
  AdamW(std::span<float> parameters, Exec& exec, const RowKernels& kernels);

  void step(std::span<const float> gradient, double learning_rate);

  /// What a checkpoint holds beside the parameters: with it the next step is the one that would have come.
  struct State {
    std::int64_t steps = 0;
    std::span<const float> first_moment, second_moment;  // the optimizer's own; empty before the first step
  };
  [[nodiscard]] State state() const;
  /// `state` may be of another optimizer, or without a step.
  void restore(const State& state);

 private:
  std::span<float> parameters_;
  Exec& exec_;
  const RowKernels& kernels_;
  std::int64_t steps_ = 0;
  std::vector<float> first_moment_, second_moment_;
};

}  // namespace dsa::train
