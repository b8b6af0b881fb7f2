// What the layers of a pass selected for the rows that somebody wants to see.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/request.h"
#include "engine/runner.h"

namespace dsa {

/// Of one pass at a time.  One thread.
class SelectionWatch {
 public:
  /// Before a pass: nothing is looked at.
  void clear() { rows_.clear(); }
  /// Row `row` of the batch is the one of sequence `id` that is looked at; it sees `visible` entries.
  void look_at(std::int64_t id, std::int64_t row, std::int64_t visible);
  [[nodiscard]] bool idle() const { return rows_.empty(); }
  /// As ForwardHooks::selection.
  void take(std::int64_t layer, TensorView<std::int32_t, 2> idx, std::span<const std::int32_t> count);
  /// Of the row of that sequence that was looked at; null if there is none.
  [[nodiscard]] const Selected* of(std::int64_t id) const;

 private:
  struct Row {
    std::int64_t id;
    std::int64_t row;
    Selected selected;
  };
  std::vector<Row> rows_;
};

}  // namespace dsa
