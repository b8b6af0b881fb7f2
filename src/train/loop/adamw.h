// The optimizer.  libtorch's; its types stop behind this header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace dsa::train {

/// AdamW (Loshchilov, Hutter 2019) over one row of parameters, updated in place.  Not thread-safe.
class AdamW {
 public:
  struct Options {
    double beta1 = 0.9;
    double beta2 = 0.95;
    double eps = 1e-8;
    double weight_decay = 0;
  };

  /// `parameters` must outlive this.
  AdamW(std::span<float> parameters, const Options& options);
  ~AdamW();
  AdamW(const AdamW&) = delete;
  AdamW& operator=(const AdamW&) = delete;

  void step(std::span<const float> gradient, double learning_rate);

  /// What a checkpoint holds beside the parameters: with it the next step is the one that would have come.
  struct State {
    std::int64_t steps = 0;
    // Of the optimizer's own memory; empty before the first step.
    std::span<float> first_moment, second_moment;
  };
  [[nodiscard]] State state();
  void restore(std::int64_t steps, std::span<const float> first_moment, std::span<const float> second_moment);
  /// As before the first step.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Threads that the optimizer may use; set once, before the first step: the arithmetic does not depend on it.
void set_optimizer_threads(int threads);

}  // namespace dsa::train
