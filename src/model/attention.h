// Grouped latent attention of one layer: MLA in its absorbed form, and GQA as the same
// thing with more groups.
#pragma once

#include "model/indexer.h"
#include "model/step.h"

namespace dsa {

/// What scores are multiplied by before the softmax:
/// (dimensions of a query head)^-1/2, with YaRN's temperature.
float attention_scale(const ModelConfig& config);

/// delta = attention(h): project, write the cache, select, attend, output.
class Attention {
 public:
  Attention(const LayerWeights& weights, const KvView& kv, std::int64_t layer)
      : weights_(weights), kv_(kv), layer_(layer) {}

  void forward(const Step& step) const;

 private:
  void project_gqa(const Step& step) const;
  void project_mla(const Step& step) const;
  void write_cache(const Step& step) const;
  void show_inputs(const Step& step) const;
  void attend(const Step& step) const;
  void attend_rows(const Step& step, const RowGroup& group) const;
  void output_projection(const Step& step) const;

  [[nodiscard]] bool rounds_like_demo(const Step& step) const;

  const LayerWeights& weights_;
  const KvView& kv_;
  std::int64_t layer_;
};

}  // namespace dsa
