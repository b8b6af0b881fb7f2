#include "model/moe.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace dsa {

void mlp_forward(const Step& step, const MlpWeights& weights, TensorView<const float, 2> x,
                 TensorView<float, 2> y) {
  const std::int64_t n = x.rows(), width = weights.gate_proj.weight.rows;
  const TensorView<float, 2> gate(step.act.gate.data(), {n, width}), up(step.act.up.data(), {n, width});
  step.linear(x, std::array{output(weights.gate_proj, gate), output(weights.up_proj, up)});
  step.kernels.swiglu(step.exec, {.gate = gate, .up = up, .out = gate});
  step.linear(gate, std::array{output(weights.down_proj, y)});
}

void Moe::forward(const Step& step) const {
  const auto h = step.of(step.act.h), delta = step.of(step.act.delta);
  route(step);
  sort_by_expert(step);
  if (weights_.shared_experts)
    mlp_forward(step, *weights_.shared_experts, h, delta);
  else
    for (std::int64_t t = 0; t < step.n; ++t) std::ranges::fill(delta.span(t), 0.0F);
  for (std::int64_t expert = 0; expert < weights_.gate.weight.rows; ++expert) run_expert(step, expert);
}

void Moe::route(const Step& step) const {
  const MoeConfig& m = *step.config.moe;
  const auto logits = step.of(step.act.router_logits), weights = step.of(step.act.expert_weights);
  const auto ids = step.act.expert_ids.slice(0, step.n);
  // The router is never rounded: a flipped expert is worse than a slow one.
  step.kernels.linear(step.exec, {.x = step.of(step.act.h),
                                  .outputs = std::array{output(weights_.gate, logits)},
                                  .compute = Compute::f32,
                                  .scratch = step.act.linear_scratch});
  step.kernels.gate(step.exec, {.logits = logits,
                                .bias = weights_.e_score_correction_bias,
                                .groups = m.n_group,
                                .topk_groups = m.topk_group,
                                .topk = m.num_experts_per_tok,
                                .norm_topk = m.norm_topk_prob,
                                .route_scale = static_cast<float>(m.routed_scaling_factor),
                                .ids = ids,
                                .weights = weights});
  if (step.hooks.routing) step.hooks.routing(layer_, logits, ids, weights);
}

// Counting sort of (token, slot) pairs by expert; tokens of one expert stay in ascending order.
void Moe::sort_by_expert(const Step& step) const {
  const auto ids = step.act.expert_ids.slice(0, step.n);
  const auto start = step.act.expert_start;
  std::ranges::fill(start, 0);
  for (std::int64_t t = 0; t < step.n; ++t)
    for (const auto id : ids.span(t)) ++start[static_cast<std::size_t>(id) + 1];
  for (std::size_t e = 1; e < start.size(); ++e) start[e] += start[e - 1];
  // start[e] is now where expert e begins; it moves to where e ends while its pairs are placed ...
  for (std::int64_t t = 0; t < step.n; ++t)
    for (std::int64_t slot = 0; slot < ids.cols(); ++slot) {
      const auto place = static_cast<std::size_t>(start[static_cast<std::size_t>(ids(t, slot))]++);
      step.act.expert_rows[place] = static_cast<std::int32_t>(t);
      step.act.expert_scale[place] = step.act.expert_weights(t, slot);
    }
  // ... and moves back.
  for (std::size_t e = start.size() - 1; e > 0; --e) start[e] = start[e - 1];
  start[0] = 0;
}

void Moe::run_expert(const Step& step, std::int64_t expert) const {
  const auto e = static_cast<std::size_t>(expert);
  const std::size_t first = static_cast<std::size_t>(step.act.expert_start[e]);
  const std::size_t count = static_cast<std::size_t>(step.act.expert_start[e + 1]) - first;
  if (count == 0) return;
  const auto rows = step.act.expert_rows.subspan(first, count);
  const auto x = step.act.expert_x.slice(0, static_cast<std::int64_t>(count));
  const auto y = step.act.expert_y.slice(0, static_cast<std::int64_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    std::memcpy(x.row(i), step.act.h.row(rows[i]), static_cast<std::size_t>(x.cols()) * sizeof(float));
  mlp_forward(step, weights_.experts[e], x, y);
  step.kernels.add_rows(step.exec, {.x = y,
                                    .rows = rows,
                                    .scale = step.act.expert_scale.subspan(first, count),
                                    .y = step.of(step.act.delta)});
}

}  // namespace dsa
