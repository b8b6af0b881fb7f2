#include "train/torch/language_loss_torch.h"

#include <algorithm>
#include <utility>

#include "train/torch/layer_ops_torch.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kLogitsFloats = std::int64_t{16} << 20;  // of one block

}  // namespace

LanguageLoss::LanguageLoss(torch::Tensor hidden, torch::Tensor weight, std::span<const std::int32_t> next,
                           const Options& options)
    : hidden_(std::move(hidden)), weight_(std::move(weight)), next_(index_of(next)), options_(options) {
  if (options.gradients) gradient_ = torch::zeros_like(hidden_);
}

void LanguageLoss::all_blocks() {
  const std::int64_t most = std::max<std::int64_t>(1, kLogitsFloats / weight_.size(0));
  for (std::int64_t first = 0; first < next_.size(0); first += most)
    rows(first, std::min(most, next_.size(0) - first), {});
}

void LanguageLoss::block(std::int64_t first, TensorView<const float, 2> teacher) {
  const std::int64_t count = std::min(teacher.rows(), next_.size(0) - first);
  if (count <= 0) return;  // the last position predicts nothing
  rows(first, count, torch::from_blob(const_cast<float*>(teacher.data()), {count, teacher.cols()}));
}

void LanguageLoss::rows(std::int64_t first, std::int64_t count, const torch::Tensor& teacher) {
  const torch::NoGradGuard no_grad;
  const auto positions = static_cast<double>(next_.size(0));
  const auto h = hidden_.slice(0, first, first + count);
  const auto next = next_.slice(0, first, first + count).unsqueeze(1);
  const auto log_q = multiply(h, weight_, options_.products).log_softmax(-1);
  cross_entropy_ -= log_q.gather(1, next).sum(torch::kDouble).item<double>() / positions;
  torch::Tensor p;
  if (teacher.defined()) {
    const auto log_p = teacher.log_softmax(-1);
    p = log_p.exp();
    divergence_ += (p * (log_p - log_q)).sum(torch::kDouble).item<double>() / positions;
  }
  if (!options_.gradients) return;

  auto d = log_q.exp();
  d.scatter_add_(1, next, torch::full_like(next, -(1 - options_.distill), torch::kFloat));
  if (p.defined()) d.sub_(p, options_.distill);
  d.mul_(options_.scale / positions);
  const auto narrow = [&](const torch::Tensor& x) {
    return options_.products == Products::bf16 ? x.to(torch::kBFloat16) : x;
  };
  const auto dn = narrow(d);
  gradient_.slice(0, first, first + count).copy_(dn.mm(narrow(weight_)));
  if (weight_.requires_grad()) weight_.mutable_grad().add_(dn.t().mm(narrow(h)));
}

}  // namespace dsa::train
