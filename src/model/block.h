// One transformer layer.
#pragma once

#include "model/attention.h"
#include "model/moe.h"

namespace dsa {

/// x += attention(norm(x)); x += mlp(norm(x)).
class Block {
 public:
  Block(const LayerWeights& weights, const KvView& kv, std::int64_t layer)
      : weights_(weights), attention_(weights, kv, layer), layer_(layer) {}
  void forward(const Step& step) const;

 private:
  const LayerWeights& weights_;
  Attention attention_;
  std::int64_t layer_;
};

}  // namespace dsa
