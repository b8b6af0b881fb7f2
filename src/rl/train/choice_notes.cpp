#include "rl/train/choice_notes.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::rl {

ChoiceNotes::ChoiceNotes(LoadedModel& model)
    : ModelRunner(model),
      model_(model),
      slots_(model.config().moe ? model.config().moe->num_experts_per_tok : 0),
      place_(usize(model.transformer().cache().pages() * kPageTokens), kNobody) {
  pass_.experts.resize(usize(model.config().num_hidden_layers));
  pass_.selections.resize(pass_.experts.size());
}

std::uint64_t ChoiceNotes::key(std::int32_t before, std::int32_t token) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(before)) << 32U) |
         static_cast<std::uint32_t>(token);
}

void ChoiceNotes::note(std::int32_t node, std::int64_t row) {
  Row& to = rows_[usize(node)];
  if (!to.experts.empty() || !to.selections.empty()) return;  // the same
  for (const auto& experts : pass_.experts) {
    if (experts.empty()) continue;
    const auto own = std::span(experts).subspan(usize(row * slots_), usize(slots_));
    to.experts.insert(to.experts.end(), own.begin(), own.end());
  }
  for (std::size_t layer = 0; layer < pass_.selections.size(); ++layer) {
    const auto& selection = pass_.selections[layer];
    if (selection.count.empty() || selection.count[usize(row)] == 0) continue;
    to.selections.resize(pass_.selections.size());
    const auto own = selection.row(row);
    to.selections[layer].assign(own.begin(), own.end());
  }
}

void ChoiceNotes::forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) {
  for (auto& experts : pass_.experts) experts.clear();
  for (auto& selection : pass_.selections) selection.idx.clear(), selection.count.clear();
  const std::int64_t none = 0;  // rows of many sequences
  model_.transformer().set_hooks(noting(pass_, none));
  ModelRunner::forward(batch, logits, status);
  model_.transformer().set_hooks({});
  std::int64_t row = 0;
  for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
    const SequenceSlice& slice = batch.sequences[i];
    if (status[i].outcome == PassOutcome::refused) continue;
    const auto place = [&](std::int64_t position) -> std::int32_t& {
      return place_[usize(slice.page_table[usize(position / kPageTokens)] * kPageTokens +
                          position % kPageTokens)];
    };
    std::int32_t node = slice.first_position == 0 ? kNobody : place(slice.first_position - 1);
    for (std::int64_t t = 0; t < std::ssize(slice.tokens); ++t, ++row) {
      const auto [known, is_new] =
          behind_.try_emplace(key(node, slice.tokens[usize(t)]), static_cast<std::int32_t>(rows_.size()));
      if (is_new) rows_.emplace_back();
      node = known->second;
      place(slice.first_position + t) = node;
      if (status[i].ok()) note(node, row);
    }
  }
}

void ChoiceNotes::show_selections(decltype(ForwardHooks::selection) sink) { DSA_CHECK(!sink); }

void ChoiceNotes::load_page(std::int32_t, std::span<const std::byte>) {
  fail("episodes are played without a store of pages");
}

void ChoiceNotes::copy_page(std::int32_t from, std::int32_t to) {
  ModelRunner::copy_page(from, to);
  std::copy_n(place_.begin() + from * kPageTokens, kPageTokens, place_.begin() + to * kPageTokens);
}

Trace ChoiceNotes::of(std::span<const std::int32_t> tokens) const {
  static const Row nothing;
  Trace out;
  out.experts.resize(pass_.experts.size());
  for (const auto& layer : pass_.selections)
    out.selections.push_back({.topk = layer.topk, .idx = {}, .count = {}});
  std::int32_t node = kNobody;
  for (std::int64_t t = 0; t < std::ssize(tokens); ++t) {
    const auto found = behind_.find(key(node, tokens[usize(t)]));
    const bool is_known = found != behind_.end();
    DSA_CHECK(is_known || t + 1 == std::ssize(tokens));
    if (is_known) node = found->second;
    add_row(t, is_known ? rows_[usize(node)] : nothing, out);
  }
  std::int64_t selecting = 0;
  for (auto& layer : out.selections) {
    if (layer.count.empty()) continue;
    see_all(layer, std::ssize(tokens));
    ++selecting;
  }
  if (selecting == 0) out.selections.clear();
  return out;
}

// A row that chose nothing, as the last one may, gets the first experts, and its own first token if it has to
// select.
void ChoiceNotes::add_row(std::int64_t t, const Row& row, Trace& out) const {
  std::int64_t at = 0;
  for (std::size_t layer = 0; layer < out.experts.size(); ++layer) {
    if (pass_.experts[layer].empty()) continue;
    for (std::int64_t slot = 0; slot < slots_; ++slot, ++at)
      out.experts[layer].push_back(row.experts.empty() ? static_cast<std::int32_t>(slot)
                                                       : row.experts[usize(at)]);
  }
  for (std::size_t layer = 0; layer < out.selections.size(); ++layer) {
    auto& to = out.selections[layer];
    std::span<const std::int32_t> selected;
    if (!row.selections.empty()) selected = row.selections[layer];
    constexpr std::int32_t kFirst[] = {0};
    if (selected.empty() && !to.count.empty() && t >= to.topk) selected = kFirst;
    if (selected.empty()) continue;
    see_all(to, t);
    to.count.push_back(static_cast<std::int32_t>(selected.size()));
    to.idx.insert(to.idx.end(), selected.begin(), selected.end());
    to.idx.resize(to.count.size() * usize(to.topk), -1);
  }
}

}  // namespace dsa::rl
