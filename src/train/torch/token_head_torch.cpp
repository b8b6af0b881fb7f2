#include "train/torch/token_head_torch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "train/torch/layer_ops_torch.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kHeadFloats = std::int64_t{4} << 20;  // logits of one block

}  // namespace

TokenHead::TokenHead(torch::Tensor hidden, torch::Tensor weight, std::span<const std::int32_t> next,
                     std::span<const std::vector<std::int32_t>> kept, Products products)
    : hidden_(std::move(hidden)),
      weight_(std::move(weight)),
      next_(index_of(next).unsqueeze(1)),
      kept_(kept),
      products_(products) {
  DSA_CHECK(kept.empty() || kept.size() == next.size());
}

std::int64_t TokenHead::block_rows() const {
  return std::max<std::int64_t>(1, kHeadFloats / weight_.size(0));
}

torch::Tensor TokenHead::logits(std::int64_t first, std::int64_t count) const {
  auto out = multiply(hidden_.slice(0, first, first + count), weight_, products_);
  for (std::int64_t i = 0; i < count && !kept_.empty(); ++i) {
    const auto& ids = kept_[static_cast<std::size_t>(first + i)];
    if (ids.empty()) continue;
    const auto rest = torch::full({out.size(1)}, -std::numeric_limits<float>::infinity());
    rest.index_fill_(0, index_of(ids), 0.0F);
    out.select(0, i).add_(rest);
  }
  return out;
}

// Summed in double, as the engine does (sampling/log_probs.h).
std::vector<float> TokenHead::log_probs() const {
  const torch::NoGradGuard no_grad;
  std::vector<float> out;
  const std::int64_t n = next_.size(0), most = block_rows();
  for (std::int64_t first = 0; first < n; first += most) {
    const std::int64_t count = std::min(most, n - first);
    const auto x = logits(first, count).to(torch::kDouble);
    const auto p = (x.gather(1, next_.slice(0, first, first + count)).squeeze(1) - x.logsumexp(1))
                       .to(torch::kFloat)
                       .contiguous();
    out.insert(out.end(), p.data_ptr<float>(), p.data_ptr<float>() + count);
  }
  return out;
}

torch::Tensor TokenHead::backward(std::span<const float> slopes) {
  const torch::NoGradGuard no_grad;
  const auto out = torch::zeros_like(hidden_);
  const auto narrow = [&](const torch::Tensor& x) {
    return products_ == Products::bf16 ? x.to(torch::kBFloat16) : x;
  };
  const std::int64_t n = next_.size(0), most = block_rows();
  DSA_CHECK(static_cast<std::int64_t>(slopes.size()) == n);
  const auto all = torch::from_blob(const_cast<float*>(slopes.data()), {n, 1});
  for (std::int64_t first = 0; first < n; first += most) {
    const std::int64_t count = std::min(most, n - first);
    const auto slope = all.slice(0, first, first + count);
    // slope (onehot - softmax)
    auto d = logits(first, count).softmax(-1).mul_(-slope);
    d.scatter_add_(1, next_.slice(0, first, first + count), slope);
    const auto dn = narrow(d);
    out.slice(0, first, first + count).copy_(dn.mm(narrow(weight_)));
    if (weight_.requires_grad())
      weight_.mutable_grad().add_(dn.t().mm(narrow(hidden_.slice(0, first, first + count))));
  }
  return out;
}

}  // namespace dsa::train
