// The lightning indexer of one layer
// (DeepSeek-V3.2 inference/model.py: Indexer, as corrected on 17 Nov 2025).
#pragma once

#include "model/step.h"

namespace dsa {

/// Where the indexer's projections read: the normed hidden state, and the query latent where the model has
/// one.  The projections themselves run with the attention's own, in one pass over the same input; what else
/// it does is added to the step's indexer_ms.
class Indexer {
 public:
  explicit Indexer(const IndexerWeights& weights) : weights_(weights) {}

  [[nodiscard]] LinearOutput query(const Step& step) const {
    return output(weights_.wq, step.of(step.act.index_q));
  }
  [[nodiscard]] LinearOutput key(const Step& step) const {
    return output(weights_.wk, step.of(step.act.index_k));
  }
  [[nodiscard]] LinearOutput head_weights(const Step& step) const {
    return output(weights_.weights_proj, step.of(step.act.index_w));
  }

  /// After the projections: norm and rotate keys and queries, fold the constant factors into the head
  /// weights, and round as the published FP8 checkpoints do if `like_demo`.
  void finish(const Step& step, bool like_demo) const;

  /// Selects for the rows of plan.selecting() into act.idx and act.idx_count; the keys must be in the cache.
  void select(const Step& step, std::int64_t layer, const KvView& kv) const;

 private:
  const IndexerWeights& weights_;
};

}  // namespace dsa
