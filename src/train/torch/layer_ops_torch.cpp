#include "train/torch/layer_ops_torch.h"

#include <vector>

namespace dsa::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

// What is kept for the backward is BF16 too.
struct Bf16Product : Function<Bf16Product> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight) {
    const auto narrow = x.to(torch::kBFloat16);
    ctx->save_for_backward({narrow, weight});
    ctx->saved_data["trained"] = weight.requires_grad();
    return narrow.mm(weight.to(torch::kBFloat16).t()).to(torch::kFloat);
  }
  static tensor_list backward(AutogradContext* ctx, const tensor_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto dy = grads[0].to(torch::kBFloat16);
    Tensor d_weight;
    if (ctx->saved_data["trained"].toBool()) d_weight = dy.t().mm(saved[0]).to(torch::kFloat);
    return {dy.mm(saved[1].to(torch::kBFloat16)).to(torch::kFloat), d_weight};
  }
};

}  // namespace

Tensor multiply(const Tensor& x, const Tensor& weight, Products products) {
  return products == Products::bf16 ? Bf16Product::apply(x, weight) : x.mm(weight.t());
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  return x * (x.square().mean(-1, /*keepdim=*/true) + eps).rsqrt() * weight;
}

Tensor index_of(std::span<const std::int32_t> ids) {
  return torch::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()));
}

TensorView<float, 3> heads_view(const Tensor& x) {
  return {x.data_ptr<float>(), {x.size(0), x.size(1), x.size(2)}, {x.stride(0), x.stride(1), x.stride(2)}};
}

TensorView<float, 2> matrix_view(const Tensor& x) { return {x.data_ptr<float>(), {x.size(0), x.size(1)}}; }

Tensor Leaves::operator()(const std::string& name) const {
  const auto* entry = tensors_.find(name);
  if (entry == nullptr) return {};
  auto leaf = torch::from_blob(tensors_.of(*entry).data(), entry->shape);
  if (gradient_ == nullptr) return leaf;
  leaf.requires_grad_(true);
  leaf.mutable_grad() = torch::from_blob(gradient_->of(*entry).data(), entry->shape);
  return leaf;
}

}  // namespace dsa::train
