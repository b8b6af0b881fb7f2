// Grouped latent attention of one layer: MLA in its absorbed form, and GQA as the same
// thing with more groups.
#pragma once

#include <optional>

#include "model/indexer.h"
#include "model/step.h"

namespace dsa {

/// What scores are multiplied by before the softmax:
/// (dimensions of a query head)^-1/2, with YaRN's temperature.
float attention_scale(const ModelConfig& config);

/// delta = attention(h), in two halves.
class Attention {
 public:
  Attention(const LayerWeights& weights, const KvView& kv, std::int64_t layer);

  /// Projects, writes the cache, selects and attends: to o_c.
  void attend(const Step& step) const;
  /// From there: to delta.
  void project_back(const Step& step) const;

 private:
  [[nodiscard]] AttentionInputs project_gqa(const Step& step) const;
  [[nodiscard]] AttentionInputs project_mla(const Step& step) const;
  [[nodiscard]] AttentionInputs inputs(const Step& step) const;
  void write_cache(const Step& step, const AttentionInputs& in) const;
  void attend_rows(const Step& step, const AttentionInputs& in, const RowGroup& group) const;
  [[nodiscard]] TensorView<float, 2> expand_values(const Step& step) const;

  [[nodiscard]] bool rounds_like_demo(const Step& step) const;

  const LayerWeights& weights_;
  const KvView& kv_;
  std::int64_t layer_;
  std::optional<Indexer> indexer_;
};

}  // namespace dsa
