#include "engine/selection_watch.h"

#include "base/numeric.h"

namespace dsa {

void SelectionWatch::look_at(std::int64_t id, std::int64_t row, std::int64_t visible) {
  rows_.push_back({.id = id, .row = row, .selected = {.visible = visible}});
}

// A count of 0: the row attends to all that it sees.
void SelectionWatch::take(std::int64_t layer, TensorView<std::int32_t, 2> idx,
                          std::span<const std::int32_t> count) {
  for (Row& one : rows_) {
    const std::int32_t chosen = count[usize(one.row)];
    if (chosen == 0) continue;
    const auto positions = idx.span(one.row).first(usize(chosen));
    one.selected.layers.push_back({.layer = layer, .positions = {positions.begin(), positions.end()}});
  }
}

const Selected* SelectionWatch::of(std::int64_t id) const {
  for (const Row& one : rows_)
    if (one.id == id) return &one.selected;
  return nullptr;
}

}  // namespace dsa
