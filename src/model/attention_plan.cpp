#include "model/attention_plan.h"

namespace dsa {
namespace {

void append(std::vector<RowGroup>& groups, const RowGroup& more) {
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
          .trained_context = config.indexer ? config.indexer->trained_context : 0};
}

void AttentionPlan::reserve(std::int64_t rows) {
  selecting_.reserve(static_cast<std::size_t>(rows));
  attending_.reserve(static_cast<std::size_t>(rows));
}

void AttentionPlan::clear() {
  selecting_.clear();
  attending_.clear();
  rows_ = 0;
}

AttentionCounters AttentionPlan::add(const SequenceSlice& slice, const SelectionRule& rule) {
  AttentionCounters counters;
  const std::int64_t first = rows_, count = static_cast<std::int64_t>(slice.tokens.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const bool selects = rule.selects(slice.first_position + i + 1);
    append(attending_, {.first = first + i, .count = 1, .topk = selects ? rule.topk : 0});
    ++(selects ? counters.sparse_rows : counters.dense_rows);
  }
  if (counters.sparse_rows > 0) append(selecting_, {.first = first, .count = count, .topk = rule.topk});
  rows_ += count;
  return counters;
}

}  // namespace dsa
