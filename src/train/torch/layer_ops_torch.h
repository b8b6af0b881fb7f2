// What the layers of all trained models are made of in libtorch.  Included by libtorch's files alone.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "tensor/view.h"
#include "train/loop/flat_tensors.h"
#include "train/loop/products.h"

namespace dsa::train {

/// x [n, in] times weight [out, in], transposed.  Differentiable in both.
torch::Tensor multiply(const torch::Tensor& x, const torch::Tensor& weight, Products products);

/// x / sqrt(mean(x^2) + eps) * weight over the last dimension.
torch::Tensor rms_norm(const torch::Tensor& x, const torch::Tensor& weight, double eps);

/// Keeps a copy of `value` for the backward of an autograd Function: tensors alone have a place there.
template <class T>
struct Kept final : torch::CustomClassHolder {
  explicit Kept(T of) : value(std::move(of)) {}
  T value;
};
template <class T>
void keep(torch::autograd::AutogradContext& context, T value) {
  context.saved_data["kept"] = c10::IValue::make_capsule(c10::make_intrusive<Kept<T>>(std::move(value)));
}
/// What the forward kept: a T.
template <class T>
T kept(torch::autograd::AutogradContext& context) {
  return static_cast<const Kept<T>&>(*context.saved_data["kept"].toCapsule()).value;
}

/// Token ids as an index.
torch::Tensor index_of(std::span<const std::int32_t> ids);

/// x [n, heads, dim] as the kernels see it; its last dimension must be dense.
TensorView<float, 3> heads_view(const torch::Tensor& x);
/// x [n, columns], dense.
TensorView<float, 2> matrix_view(const torch::Tensor& x);

/// Views of the tensors by name; with a gradient they are leaves whose gradients lie in it.
class Leaves {
 public:
  /// Both must outlive the leaves; `gradient` may be null.
  Leaves(FlatTensors& tensors, FlatTensors* gradient) : tensors_(tensors), gradient_(gradient) {}

  /// Undefined if there is none of this name.
  torch::Tensor operator()(const std::string& name) const;

 private:
  FlatTensors& tensors_;
  FlatTensors* gradient_;
};

}  // namespace dsa::train
