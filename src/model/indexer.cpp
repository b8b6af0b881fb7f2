#include "model/indexer.h"

#include <algorithm>
#include <cmath>

#include "base/stopwatch.h"

namespace dsa {
namespace {

// Adds its own lifetime to a sum.
class Timed {
 public:
  explicit Timed(double& ms) : ms_(ms) {}
  ~Timed() { ms_ += watch_.milliseconds(); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& ms_;
  Stopwatch watch_;
};

}  // namespace

void Indexer::finish(const Step& step, bool like_demo) const {
  const Timed timed(step.indexer_ms);
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
  step.kernels.scale_rows(step.exec, {.x = weights, .factor = factor});
  if (!like_demo) return;
  for (const auto& heads : {split_heads(queries, config.n_heads), split_heads(keys, 1)})
    step.kernels.round_index_heads(step.exec, {.x = heads});
}

void Indexer::select(const Step& step, std::int64_t layer, const KvView& kv) const {
  const Timed timed(step.indexer_ms);
  const auto queries = split_heads(step.of(step.act.index_q), step.config.indexer->n_heads);
  const auto idx = step.act.idx.slice(0, step.n);
  // Who looks gets the whole rows, -1 past the count; attention does not read past it.
  const auto width = [&](const RowGroup& group) { return step.hooks.selection ? idx.cols() : group.topk; };
  const auto count = step.act.idx_count.first(static_cast<std::size_t>(step.n));
  if (step.hooks.selection) std::ranges::fill(count, 0);
  for (const RowGroup& group : step.plan.selecting()) {
    const auto first = static_cast<std::size_t>(group.first), rows = static_cast<std::size_t>(group.count);
    step.kernels.indexer_select(step.exec,
                                {.q = queries.slice(group.first, group.count),
                                 .w = step.act.index_w.slice(group.first, group.count),
                                 .kv = kv,
                                 .rows = step.rows.subspan(first, rows),
                                 .topk = group.topk,
                                 .compute = step.compute,
                                 .idx = columns(idx.slice(group.first, group.count), 0, width(group)),
                                 .count = count.subspan(first, rows),
                                 .scratch = step.act.indexer_scratch});
  }
  if (step.hooks.selection) step.hooks.selection(layer, idx, count);
}

}  // namespace dsa
