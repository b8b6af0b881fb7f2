#include "model/block.h"

namespace dsa {

void Block::forward(const Step& step) const {
  const auto x = step.of(step.act.x), h = step.of(step.act.h), delta = step.of(step.act.delta);
  const auto add_to_residual = [&] {
    step.kernels.add_rows(step.exec, {.x = delta, .rows = {}, .scale = {}, .y = x});
  };

  step.rms_norm(x, weights_.input_layernorm, h);
  attention_.forward(step);
  add_to_residual();

  step.rms_norm(x, weights_.post_attention_layernorm, h);
  if (weights_.moe)
    Moe(*weights_.moe, layer_).forward(step);
  else
    mlp_forward(step, *weights_.mlp, h, delta);
  add_to_residual();
}

}  // namespace dsa
