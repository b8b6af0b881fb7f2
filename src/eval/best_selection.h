// The best selection there is, to know what an indexer could reach: attention over
// the tokens that dense attention weighs most.
#pragma once

#include <cstdint>
#include <vector>

#include "eval/attention_mass.h"
#include "model/loaded_model.h"

namespace dsa {

/// Makes a model in sparse attention attend, in every layer with an indexer of its own, over the topk tokens
/// of the row's highest head-mean dense attention (as its own queries see them in this run) instead of the
/// indexer's.  Layers that share a selection share the best one.
class BestSelection {
 public:
  explicit BestSelection(LoadedModel& model);

  /// For the model's set_hooks(); valid while this object lives.  One sequence a batch.
  /// `topk`: what that sequence selects, the mean over the layers.
  [[nodiscard]] ForwardHooks hooks(std::int64_t topk);

 private:
  void choose(std::int64_t layer, const AttentionInputs& inputs);
  void replace(std::int64_t layer, TensorView<std::int32_t, 2> idx,
               std::span<const std::int32_t> count) const;

  LoadedModel& model_;
  AttentionMass mass_;
  std::int64_t mean_topk_ = 0;
  std::int64_t topk_ = 0;                  // of `layer_`
  std::int64_t layer_ = -1;                // that `chosen_` belongs to
  std::vector<std::int64_t> rows_;         // of the batch: those with more than topk tokens to choose from
  std::vector<std::int32_t> chosen_;       // [rows, topk]
  std::vector<std::byte> select_scratch_;  // a part for each thread
};

}  // namespace dsa
