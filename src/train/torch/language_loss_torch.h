// The language-model loss over a whole vocabulary, block of positions by block: logits of all positions are
// never held.  Included by libtorch's files alone.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

#include "tensor/view.h"
#include "train/loop/products.h"

namespace dsa::train {

/// loss = mean over positions of (1 - W) * cross-entropy + W * KL(teacher || model); its gradient with
/// respect to logits, (softmax - (1 - W) onehot - W teacher) / positions, is written out.
class LanguageLoss {
 public:
  struct Options {
    double distill = 0;  // W
    double scale = 1;    // of the gradients
    Products products = Products::f32;
    bool gradients = false;
  };
  /// hidden [n, hidden size], normed; its first next.size() positions each predict one of `next`.  With
  /// gradients, blocks add to the weight's gradient (if it is a leaf) and to gradient().
  LanguageLoss(torch::Tensor hidden, torch::Tensor weight, std::span<const std::int32_t> next,
               const Options& options);

  /// Positions [first, first + teacher.rows()).
  void block(std::int64_t first, TensorView<const float, 2> teacher);
  /// Without a teacher.
  void all_blocks();

  /// Means over positions, once all of them have been seen.
  [[nodiscard]] double cross_entropy() const { return cross_entropy_; }
  [[nodiscard]] double divergence() const { return divergence_; }
  /// With respect to `hidden`.
  [[nodiscard]] const torch::Tensor& gradient() const { return gradient_; }

 private:
  void rows(std::int64_t first, std::int64_t count, const torch::Tensor& teacher);

  torch::Tensor hidden_, weight_, next_, gradient_;
  Options options_;
  double cross_entropy_ = 0, divergence_ = 0;
};

}  // namespace dsa::train
