#include <torch/nn/module.h>
#include <torch/optim/adamw.h>
#include <torch/utils.h>

#include "base/error.h"
#include "train/loop/adamw.h"

namespace dsa::train {
namespace {

torch::Tensor view_of(std::span<float> values) {
  return torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())});
}
torch::Tensor copy_of(std::span<const float> values) {
  // from_blob takes no const pointer; the clone alone is kept.
  return torch::from_blob(const_cast<float*>(values.data()), {static_cast<std::int64_t>(values.size())})
      .clone();
}
std::span<float> span_of(const torch::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

struct AdamW::Impl {
  Impl(std::span<float> values, const Options& options)
      : parameter(view_of(values).requires_grad_(true)),
        optimizer({parameter}, torch::optim::AdamWOptions(1e-3)
                                   .betas({options.beta1, options.beta2})
                                   .eps(options.eps)
                                   .weight_decay(options.weight_decay)) {}

  // libtorch 1.13 files an optimizer's state under the parameter's address, as text.
  [[nodiscard]] std::string key() const { return c10::guts::to_string(parameter.unsafeGetTensorImpl()); }
  torch::optim::AdamWParamState* state() {
    const auto found = optimizer.state().find(key());
    return found == optimizer.state().end()
               ? nullptr
               : static_cast<torch::optim::AdamWParamState*>(found->second.get());
  }

  torch::Tensor parameter;
  torch::optim::AdamW optimizer;
};

AdamW::AdamW(std::span<float> parameters, const Options& options)
    : impl_(std::make_unique<Impl>(parameters, options)) {}
AdamW::~AdamW() = default;

void AdamW::step(std::span<const float> gradient, double learning_rate) {
  DSA_CHECK(static_cast<std::int64_t>(gradient.size()) == impl_->parameter.numel());
  impl_->parameter.mutable_grad() = view_of({const_cast<float*>(gradient.data()), gradient.size()});
  static_cast<torch::optim::AdamWOptions&>(impl_->optimizer.param_groups().front().options())
      .lr(learning_rate);
  impl_->optimizer.step();
}

AdamW::State AdamW::state() {
  const auto* state = impl_->state();
  if (state == nullptr) return {};
  return {.steps = state->step(),
          .first_moment = span_of(state->exp_avg()),
          .second_moment = span_of(state->exp_avg_sq())};
}

void AdamW::restore(std::int64_t steps, std::span<const float> first_moment,
                    std::span<const float> second_moment) {
  auto state = std::make_unique<torch::optim::AdamWParamState>();
  state->step(steps);
  state->exp_avg(copy_of(first_moment));
  state->exp_avg_sq(copy_of(second_moment));
  impl_->optimizer.state()[impl_->key()] = std::move(state);
}

void AdamW::reset() { impl_->optimizer.state().erase(impl_->key()); }

void set_optimizer_threads(int threads) { torch::set_num_threads(threads); }

}  // namespace dsa::train
