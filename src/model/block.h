// One transformer layer.
#pragma once

#include <optional>

#include "model/attention.h"
#include "model/mlp.h"
#include "model/moe.h"

namespace dsa {

/// x += attention(norm(x)); x += mlp(norm(x)).  Where rows are kept (Step::kept), x holds those alone.
class Block {
 public:
  Block(const LayerWeights& weights, const KvView& kv, std::int64_t layer);
  void forward(const Step& step) const;

 private:
  const LayerWeights& weights_;
  Attention attention_;
  std::optional<Mlp> mlp_;  // one of the two
  std::optional<Moe> moe_;
};

}  // namespace dsa
