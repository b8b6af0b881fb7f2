#include "eval/best_selection.h"

#include <algorithm>

#include "kernels/indexer.h"

namespace dsa {

BestSelection::BestSelection(LoadedModel& model)
    : model_(model), mass_(model.exec(), model.transformer().kernels()) {}

ForwardHooks BestSelection::hooks(std::int64_t topk) {
  mean_topk_ = topk;
  ForwardHooks hooks;
  hooks.attention_inputs = [this](std::int64_t layer, const AttentionInputs& inputs) {
    choose(layer, inputs);
  };
  hooks.selection = [this](std::int64_t layer, TensorView<std::int32_t, 2> idx,
                           std::span<std::int32_t> count) { replace(layer, idx, count); };
  return hooks;
}

void BestSelection::choose(std::int64_t layer, const AttentionInputs& inputs) {
  const Transformer& transformer = model_.transformer();
  if (!transformer.weights().layers[static_cast<std::size_t>(layer)].indexer) return;
  layer_ = layer;
  topk_ = transformer.selection_rule({.topk = mean_topk_}).topk_of(layer);
  rows_.clear();
  for (std::size_t r = 0; r < inputs.rows.size(); ++r)
    if (inputs.rows[r].visible > topk_) rows_.push_back(static_cast<std::int64_t>(r));
  if (rows_.empty()) return;

  const auto width = static_cast<std::size_t>(topk_);
  const std::size_t part = topk_scratch_bytes(inputs.rows.back().visible);
  chosen_.resize(rows_.size() * width);
  select_scratch_.resize(part * static_cast<std::size_t>(model_.exec().threads()));
  mass_.of_rows(inputs, transformer.cache().layer(layer), rows_,
                [&](std::size_t i, std::span<const float> mass, int rank) {
                  topk_select(
                      mass, topk_, std::span(chosen_).subspan(i * width, width),
                      std::span(select_scratch_).subspan(part * static_cast<std::size_t>(rank), part));
                });
}

void BestSelection::replace(std::int64_t layer, TensorView<std::int32_t, 2> idx,
                            std::span<const std::int32_t> count) const {
  DSA_CHECK(layer == layer_);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    DSA_CHECK(count[static_cast<std::size_t>(rows_[i])] == topk_);
    std::copy_n(chosen_.begin() + static_cast<std::ptrdiff_t>(i) * topk_, topk_, idx.row(rows_[i]));
  }
}

}  // namespace dsa
