#include "model/indexer.h"

#include <algorithm>
#include <cmath>

#include "kernels/quantize.h"

namespace dsa {
namespace {

// inference/model.py Indexer.forward: rotate_activation on BF16, then act_quant.  Both sides of the product
// are rotated, so only the rounding shows.
void round_like_demo(std::span<float> head) {
  for (float& value : head) value = static_cast<float>(bf16(value));
  hadamard(head);
  for (float& value : head) value = static_cast<float>(bf16(value));
  act_quant(head, head);
}

}  // namespace

void Indexer::finish(const Step& step, bool like_demo) const {
  const IndexerConfig& config = *step.config.indexer;
  const auto keys = step.of(step.act.index_k);
  const auto queries = step.of(step.act.index_q);
  const auto weights = step.of(step.act.index_w);

  step.kernels.layer_norm(step.exec, {.x = keys,
                                      .weight = weights_.k_norm,
                                      .bias = weights_.k_norm_bias,
                                      .eps = static_cast<float>(config.k_norm_eps),
                                      .y = keys});
  const auto layout = config.rope_interleave ? RopeLayout::interleaved : RopeLayout::half_split;
  const auto angles = step.of(step.act.index_cos_sin);
  for (const auto& heads : {split_heads(queries, config.n_heads), split_heads(keys, 1)})
    step.kernels.rope(step.exec,
                      {.x = heads, .dim = config.rope_head_dim, .layout = layout, .cos_sin = angles});

  const float factor =
      1.0F / std::sqrt(static_cast<float>(config.n_heads) * static_cast<float>(config.head_dim));
  step.exec.parallel_for(step.n, 8, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      for (float& w : weights.span(t)) w *= factor;
      if (!like_demo) continue;
      round_like_demo(keys.span(t));
      for (std::int64_t head = 0; head < config.n_heads; ++head)
        round_like_demo(queries.span(t).subspan(static_cast<std::size_t>(head * config.head_dim),
                                                static_cast<std::size_t>(config.head_dim)));
    }
  });
}

void Indexer::select(const Step& step, std::int64_t layer, const KvView& kv) const {
  const auto queries = split_heads(step.of(step.act.index_q), step.config.indexer->n_heads);
  const auto idx = step.act.idx.slice(0, step.n);
  const auto count = step.act.idx_count.first(static_cast<std::size_t>(step.n));
  if (step.hooks.selection) std::ranges::fill(count, 0);
  for (const RowGroup& group : step.plan.selecting()) {
    const auto first = static_cast<std::size_t>(group.first), rows = static_cast<std::size_t>(group.count);
    step.kernels.indexer_select(step.exec, {.q = queries.slice(group.first, group.count),
                                            .w = step.act.index_w.slice(group.first, group.count),
                                            .kv = kv,
                                            .rows = step.rows.subspan(first, rows),
                                            .topk = group.topk,
                                            .compute = step.compute,
                                            .idx = idx.slice(group.first, group.count),
                                            .count = count.subspan(first, rows),
                                            .scratch = step.act.indexer_scratch});
  }
  if (step.hooks.selection) step.hooks.selection(layer, idx, count);
}

}  // namespace dsa
