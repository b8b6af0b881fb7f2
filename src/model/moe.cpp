#include "model/moe.h"

#include <array>
#include <iterator>

namespace dsa {

Moe::Moe(const MoeWeights& weights, std::int64_t layer) : weights_(weights), layer_(layer) {
  if (weights.shared_experts) shared_.emplace(*weights.shared_experts);
  for (const MlpWeights& expert : weights.experts) experts_.emplace_back(expert);
}

void Moe::forward(const Step& step) const {
  const auto h = step.of(step.act.h), delta = step.of(step.act.delta);
  route(step);
  if (shared_)
    shared_->forward(step, h, delta);
  else
    step.kernels.zero_rows(step.exec, {.x = delta});
  for (std::int64_t expert = 0; expert < std::ssize(experts_); ++expert) run_expert(step, expert);
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
  step.kernels.sort_by_expert(step.exec, {.ids = ids,
                                          .weights = weights,
                                          .start = step.act.expert_start,
                                          .rows = step.act.expert_rows,
                                          .scale = step.act.expert_scale});
}

void Moe::run_expert(const Step& step, std::int64_t expert) const {
  const auto e = static_cast<std::size_t>(expert);
  const std::size_t first = static_cast<std::size_t>(step.act.expert_start[e]);
  const std::size_t count = static_cast<std::size_t>(step.act.expert_start[e + 1]) - first;
  if (count == 0) return;
  const auto rows = step.act.expert_rows.subspan(first, count);
  const auto x = step.act.expert_x.slice(0, static_cast<std::int64_t>(count));
  const auto y = step.act.expert_y.slice(0, static_cast<std::int64_t>(count));
  step.kernels.gather_rows(step.exec, {.x = step.of(step.act.h), .rows = rows, .y = x});
  experts_[e].forward(step, x, y);
  step.kernels.add_rows(step.exec, {.x = y,
                                    .rows = rows,
                                    .scale = step.act.expert_scale.subspan(first, count),
                                    .y = step.of(step.act.delta)});
}

}  // namespace dsa
