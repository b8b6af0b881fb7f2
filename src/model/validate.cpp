#include "model/validate.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa {

BatchCheck::BatchCheck(const BatchLimits& limits) : limits_(limits), uses_(usize(limits.pages)) {}

void BatchCheck::operator()(const Batch& batch, std::span<SequenceStatus> status) {
  DSA_CHECK(status.size() == batch.sequences.size());
  ++batch_;
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < status.size(); ++i) {
    const SequenceSlice& slice = batch.sequences[i];
    const auto count = static_cast<std::int64_t>(slice.tokens.size());
    status[i] = {};
    Refusal why = alone(slice);
    if (why == Refusal::none && count > limits_.rows - rows) why = Refusal::too_many_rows;
    if (why == Refusal::none) why = claim_pages(slice, static_cast<std::int64_t>(i));
    if (why == Refusal::none)
      rows += count;
    else
      status[i] = {.outcome = PassOutcome::refused, .refusal = why};
  }
}

Refusal BatchCheck::alone(const SequenceSlice& slice) const {
  const auto count = static_cast<std::int64_t>(slice.tokens.size());
  for (const auto id : slice.tokens)
    if (id < 0 || id >= limits_.vocabulary) return Refusal::token;
  if (slice.first_position < 0 || slice.first_position > limits_.context - count) return Refusal::position;
  const std::int64_t pages = ceil_div(slice.first_position + count, kPageTokens);
  if (std::ssize(slice.page_table) < pages) return Refusal::page_table;
  for (const auto page : slice.page_table.first(usize(pages)))
    if (page < 0 || page >= limits_.pages) return Refusal::page_table;
  std::int32_t before = -1;
  for (const auto row : slice.logits_rows) {
    if (row <= before || row >= count) return Refusal::logits_rows;
    before = row;
  }
  const auto& [attention, topk] = slice.run;
  if (attention == AttentionMode::sparse && limits_.topk == 0) return Refusal::no_indexer;
  if (topk < 0 || topk > limits_.topk) return Refusal::topk;
  return Refusal::none;
}

// All that its table shows is read; the pages of its own tokens are written.
Refusal BatchCheck::claim_pages(const SequenceSlice& slice, std::int64_t sequence) {
  if (slice.tokens.empty()) return Refusal::none;
  const std::int64_t end = slice.first_position + static_cast<std::int64_t>(slice.tokens.size());
  const std::int64_t first_written = slice.first_position / kPageTokens, pages = ceil_div(end, kPageTokens);
  const auto use_of = [&](std::int64_t i) -> Use& { return uses_[usize(slice.page_table[usize(i)])]; };
  for (std::int64_t i = 0; i < pages; ++i) {
    const Use& use = use_of(i);
    if (use.batch == batch_ && use.sequence != sequence && (use.written || i >= first_written))
      return Refusal::shared_page;
  }
  for (std::int64_t i = 0; i < pages; ++i) {
    Use& use = use_of(i);
    if (use.batch == batch_ && use.sequence == sequence && i >= first_written)
      return Refusal::shared_page;  // twice in its own table
    use = {.batch = batch_, .sequence = sequence, .written = i >= first_written};
  }
  return Refusal::none;
}

}  // namespace dsa
