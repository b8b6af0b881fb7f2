// Log-probabilities of single tokens under a model's head, and the way back from a slope for each.  Included
// by libtorch's files alone.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "train/loop/products.h"

namespace dsa::train {

/// log p[i] = log softmax(weight hidden[i])[next[i]]; logits of a block of rows at a time are held.
class TokenHead {
 public:
  /// hidden [n, hidden size], normed; weight [vocab, hidden size].  kept: by row, the ids that p is over
  /// (that of `next` among them), all for an empty list; none at all: all for every row.  Must outlive this.
  TokenHead(torch::Tensor hidden, torch::Tensor weight, std::span<const std::int32_t> next,
            std::span<const std::vector<std::int32_t>> kept, Products products);

  [[nodiscard]] std::vector<float> log_probs() const;
  /// slopes [n]: d loss / d log p.  Adds to the weight's gradient, if it is a leaf; returns that of hidden.
  [[nodiscard]] torch::Tensor backward(std::span<const float> slopes);

 private:
  [[nodiscard]] std::int64_t block_rows() const;
  [[nodiscard]] torch::Tensor logits(std::int64_t first, std::int64_t count) const;

  torch::Tensor hidden_, weight_, next_;
  std::span<const std::vector<std::int32_t>> kept_;
  Products products_;
};

}  // namespace dsa::train
