#include "eval/selection_probe.h"

#include <algorithm>

#include "base/rng.h"
#include "kernels/indexer.h"

namespace dsa {

std::vector<std::int64_t> sample_positions(std::int64_t from, std::int64_t length, std::int64_t count,
                                           std::uint64_t seed, std::uint64_t stream) {
  DSA_CHECK(from >= 0 && from < length && count >= 1);
  const CounterRng rng(seed, stream);
  const std::int64_t all = length - from, strata = std::min(count, all);
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < strata; ++i) {
    const std::int64_t begin = from + i * all / strata, end = from + (i + 1) * all / strata;
    const double at = rng.unit(static_cast<std::uint64_t>(i)) * static_cast<double>(end - begin);
    positions.push_back(begin + static_cast<std::int64_t>(at));
  }
  return positions;
}

SelectionProbe::SelectionProbe(LoadedModel& model, std::vector<std::int64_t> topks,
                               std::vector<std::int64_t> buckets)
    : model_(model),
      mass_(model.exec(), model.transformer().kernels()),
      topks_(std::move(topks)),
      buckets_(std::move(buckets)),
      selected_(topks_.size()),
      select_scratch_(static_cast<std::size_t>(model.exec().threads())) {
  const auto layers = static_cast<std::size_t>(model.config().num_hidden_layers);
  sums_.assign(topks_.size(), std::vector(layers, std::vector<SelectionSums>(buckets_.size())));
}

ForwardHooks SelectionProbe::hooks() {
  ForwardHooks hooks;
  hooks.attention_inputs = [this](std::int64_t layer, const AttentionInputs& inputs) { look(layer, inputs); };
  return hooks;
}

void SelectionProbe::look(std::int64_t layer, const AttentionInputs& inputs) {
  find_rows(inputs);
  if (rows_.empty()) return;
  if (!inputs.index_q.empty()) select(layer, inputs);
  judged_.assign(rows_.size() * topks_.size(), {});
  mass_.of_rows(inputs, model_.transformer().cache().layer(layer), rows_,
                [&](std::size_t i, std::span<const float> mass, int rank) {
                  judge(i, static_cast<std::int64_t>(mass.size()), mass, rank);
                });
  collect(layer, inputs);
}

void SelectionProbe::find_rows(const AttentionInputs& inputs) {
  rows_.clear();
  const std::int64_t first = inputs.rows.front().visible - 1;
  const auto n = static_cast<std::int64_t>(inputs.rows.size());
  for (const auto position : positions_)
    if (position >= first && position < first + n) rows_.push_back(position - first);
}

// The very op that selects in a sparse run, over rows that ascend as there.  A row that is the first of its
// batch stands in for the one before it; judge() does not ask.
void SelectionProbe::select(std::int64_t layer, const AttentionInputs& inputs) {
  const std::int64_t heads = inputs.index_q.dim(1), dim = inputs.index_q.dim(2);
  index_q_.clear();
  index_w_.clear();
  index_rows_.clear();
  for (const auto row : rows_)
    for (const auto r : {std::max<std::int64_t>(row - 1, 0), row}) {
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto q = inputs.index_q.span(r, h);
        index_q_.insert(index_q_.end(), q.begin(), q.end());
      }
      const auto w = inputs.index_w.span(r);
      index_w_.insert(index_w_.end(), w.begin(), w.end());
      index_rows_.push_back(inputs.rows[static_cast<std::size_t>(r)]);
    }
  const auto n = static_cast<std::int64_t>(index_rows_.size());
  index_scratch_.resize(indexer_scratch_bytes(model_.exec().threads(), inputs.rows.back().visible));
  for (std::size_t k = 0; k < topks_.size(); ++k) {
    Selected& out = selected_[k];
    out.idx.resize(static_cast<std::size_t>(n * topks_[k]));
    out.count.resize(static_cast<std::size_t>(n));
    model_.transformer().kernels().indexer_select(
        model_.exec(), {.q = TensorView<const float, 3>(index_q_.data(), {n, heads, dim}),
                        .w = TensorView<const float, 2>(index_w_.data(), {n, heads}),
                        .kv = model_.transformer().cache().layer(layer),
                        .rows = index_rows_,
                        .topk = topks_[k],
                        .idx = {out.idx.data(), {n, topks_[k]}},
                        .count = out.count,
                        .scratch = index_scratch_});
  }
}

std::span<const std::int32_t> SelectionProbe::Selected::row(std::size_t i, std::int64_t topk) const {
  return std::span(idx).subspan(i * static_cast<std::size_t>(topk), static_cast<std::size_t>(count[i]));
}

void SelectionProbe::judge(std::size_t row, std::int64_t visible, std::span<const float> mass, int rank) {
  auto& scratch = select_scratch_[static_cast<std::size_t>(rank)];
  scratch.resize(topk_scratch_bytes(visible));
  std::vector<std::int32_t> best;
  for (std::size_t k = 0; k < topks_.size() && topks_[k] < visible; ++k) {
    best.resize(static_cast<std::size_t>(topks_[k]));
    topk_select(mass, topks_[k], best, scratch);
    // The row before selected among one token fewer.
    const bool has_before = rows_[row] > 0 && visible - 1 > topks_[k];
    judged_[row * topks_.size() + k].add_row(
        mass, best, selected_[k].row(2 * row + 1, topks_[k]),
        has_before ? selected_[k].row(2 * row, topks_[k]) : std::span<const std::int32_t>());
  }
}

// In order: the sums do not depend on which thread took which row.
void SelectionProbe::collect(std::int64_t layer, const AttentionInputs& inputs) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::int64_t position = inputs.rows[static_cast<std::size_t>(rows_[i])].visible - 1;
    const auto bucket =
        static_cast<std::size_t>(std::ranges::upper_bound(buckets_, position) - buckets_.begin());
    DSA_CHECK(bucket < buckets_.size());
    for (std::size_t k = 0; k < topks_.size(); ++k)
      sums_[k][static_cast<std::size_t>(layer)][bucket].add(judged_[i * topks_.size() + k]);
  }
}

}  // namespace dsa
