#include "train/loop/adamw.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kGrain = 1 << 14;  // numbers of each vector that fit the second-level cache together

}  // namespace

AdamW::AdamW(std::span<float> parameters, Exec& exec, const RowKernels& kernels)
    : parameters_(parameters),
      exec_(exec),
      kernels_(kernels),
      first_moment_(parameters.size()),
      second_moment_(parameters.size()) {}

void AdamW::step(std::span<const float> gradient, double learning_rate) {
  DSA_CHECK(gradient.size() == parameters_.size());
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const double correction1 = 1 - std::pow(kBeta1, t), correction2 = 1 - std::pow(kBeta2, t);
  exec_.parallel_for(static_cast<std::int64_t>(gradient.size()), kGrain,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       kernels_.adamw({.n = end - begin,
                                       .gradient = gradient.data() + begin,
                                       .first_moment = first_moment_.data() + begin,
                                       .second_moment = second_moment_.data() + begin,
                                       .parameters = parameters_.data() + begin,
                                       .beta1 = static_cast<float>(kBeta1),
                                       .beta2 = static_cast<float>(kBeta2),
                                       .rest1 = static_cast<float>(1 - kBeta1),
                                       .rest2 = static_cast<float>(1 - kBeta2),
                                       .deviation = static_cast<float>(std::sqrt(correction2)),
                                       .eps = static_cast<float>(kEps),
                                       .rate = static_cast<float>(-learning_rate / correction1)});
                     });
}

AdamW::State AdamW::state() const {
  if (steps_ == 0) return {};
  return {.steps = steps_, .first_moment = first_moment_, .second_moment = second_moment_};
}

void AdamW::restore(const State& state) {
  DSA_CHECK(state.first_moment.size() == (state.steps > 0 ? parameters_.size() : 0));
  DSA_CHECK(state.second_moment.size() == state.first_moment.size());
  steps_ = state.steps;
  if (steps_ == 0) {
    std::ranges::fill(first_moment_, 0.0F);
    std::ranges::fill(second_moment_, 0.0F);
    return;
  }
  std::ranges::copy(state.first_moment, first_moment_.begin());
  std::ranges::copy(state.second_moment, second_moment_.begin());
}

}  // namespace dsa::train
