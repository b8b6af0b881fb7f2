#include "model/block.h"

namespace dsa {

Block::Block(const LayerWeights& weights, const KvView& kv, std::int64_t layer)
    : weights_(weights), attention_(weights, kv, layer) {
  if (weights.moe)
    moe_.emplace(*weights.moe, layer);
  else
    mlp_.emplace(*weights.mlp);
}

void Block::forward(const Step& all) const {
  all.rms_norm(all.of(all.act.x), weights_.input_layernorm, all.of(all.act.h));
  attention_.attend(all);

  const Step step = all.narrowed();
  if (step.n == 0) return;
  const auto x = step.of(step.act.x), h = step.of(step.act.h), delta = step.of(step.act.delta);
  const auto add_to_residual = [&] {
    step.kernels.add_rows(step.exec, {.x = delta, .rows = {}, .scale = {}, .y = x});
  };

  attention_.project_back(step);
  add_to_residual();

  step.rms_norm(x, weights_.post_attention_layernorm, h);
  if (moe_)
    moe_->forward(step);
  else
    mlp_->forward(step, h, delta);
  add_to_residual();
}

}  // namespace dsa
