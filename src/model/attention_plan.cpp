#include "model/attention_plan.h"

#include <algorithm>

namespace dsa {
namespace {

void append(std::vector<RowGroup>& groups, const RowGroup& more) {
  if (more.count == 0) return;
  if (!groups.empty()) {
    RowGroup& last = groups.back();
    if (last.topk == more.topk && last.first + last.count == more.first) {
      last.count += more.count;
      return;
    }
  }
  groups.push_back(more);
}

}  // namespace

SelectionRule selection_rule(const RunOptions& run, const ModelConfig& config, std::int64_t topk) {
  return {.attention = run.attention,
          .topk = run.topk > 0 ? run.topk : topk,
          .trained_context = config.indexer ? config.indexer->trained_context : 0,
          .layers = config.indexer && !config.indexer->layer_topk.uniform() ? &config.indexer->layer_topk
                                                                            : nullptr};
}

SelectionRule::Rows SelectionRule::selecting(std::int64_t layer, std::int64_t first_position,
                                             std::int64_t count) const {
  if (topk == 0 || attention == AttentionMode::dense) return {};
  const bool bounded = attention == AttentionMode::automatic && trained_context > 0;
  const std::int64_t end =
      bounded ? std::clamp<std::int64_t>(trained_context - first_position, 0, count) : count;
  return {.begin = std::clamp<std::int64_t>(topk_of(layer) - first_position, 0, end), .end = end};
}

void AttentionPlan::reserve(std::int64_t rows) {
  slices_.reserve(static_cast<std::size_t>(rows));
  selecting_.reserve(static_cast<std::size_t>(rows));
  attending_.reserve(static_cast<std::size_t>(rows));
  kept_.reserve(static_cast<std::size_t>(rows));
}

void AttentionPlan::clear() {
  slices_.clear();
  selecting_.clear();
  attending_.clear();
  rows_ = 0;
  layers_differ_ = false;
}

AttentionCounters AttentionPlan::add(const SequenceSlice& slice, const SelectionRule& rule,
                                     std::int64_t layers) {
  AttentionCounters counters;
  const auto count = static_cast<std::int64_t>(slice.tokens.size());
  if (count == 0) return counters;
  slices_.push_back({.rule = rule, .first = rows_, .count = count, .first_position = slice.first_position});
  rows_ += count;
  layers_differ_ = layers_differ_ || rule.layers != nullptr;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const auto [begin, end] = rule.selecting(layer, slice.first_position, count);
    counters.sparse_rows += end - begin;
    counters.dense_rows += count - (end - begin);
  }
  return counters;
}

void AttentionPlan::enter(std::int64_t layer) {
  if (!layers_differ_ && !attending_.empty()) return;
  selecting_.clear();
  attending_.clear();
  for (const auto& [rule, first, count, first_position] : slices_) {
    const auto [begin, end] = rule.selecting(layer, first_position, count);
    const std::int64_t topk = rule.topk_of(layer);
    append(attending_, {.first = first, .count = begin, .topk = 0});
    append(attending_, {.first = first + begin, .count = end - begin, .topk = topk});
    append(attending_, {.first = first + end, .count = count - end, .topk = 0});
    if (begin < end) append(selecting_, {.first = first, .count = count, .topk = topk});
  }
}

void AttentionPlan::keep(std::span<const std::int32_t> rows) {
  for (auto* groups : {&selecting_, &attending_}) {
    kept_.clear();
    auto group = groups->begin();
    for (const std::int64_t row : rows) {
      while (group != groups->end() && group->first + group->count <= row) ++group;
      if (group == groups->end()) break;
      if (group->first <= row) append(kept_, {.first = row, .count = 1, .topk = group->topk});
    }
    std::swap(*groups, kept_);
  }
}

}  // namespace dsa
