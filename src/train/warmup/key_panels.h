// Keys, and the rows that are multiplied with them: in float32, or both rounded to BF16.
#pragma once

#include <cstdint>
#include <vector>

#include "exec/exec.h"
#include "kernels/rows/pair_kernels.h"
#include "tensor/view.h"

namespace dsa::train {

/// Not thread-safe while keys are packed; products may run side by side.
class KeyPanels {
 public:
  /// `pairs`: null for float32.  All kernels outlive this.
  KeyPanels(const RowKernels& kernels, const PairKernels* pairs, std::int64_t groups, std::int64_t dim,
            std::int64_t most_keys);

  /// keys [n, groups, dim].
  void pack(Exec& exec, TensorView<const float, 3> keys);

  /// Floats that a row takes as multiply() reads it.
  [[nodiscard]] std::int64_t row_size() const { return pairs_ != nullptr ? pairs_for(dim_) : dim_; }
  /// scale * x [rows, dim] (row i at x + i * stride), as multiply() reads it: to [rows, row_size()].
  void prepare(const float* x, std::int64_t rows, std::int64_t stride, float scale, float* to) const;

  /// c[i, t] = rows[i] . key[first + t] of a group: whole panels, `first` and `count` multiples of kPanel.
  void multiply(std::int64_t group, const float* rows, std::int64_t m, std::int64_t first, std::int64_t count,
                float* c, std::int64_t c_row) const;

 private:
  [[nodiscard]] std::int64_t panel_size() const { return row_size() * kPanel; }

  const RowKernels& kernels_;
  const PairKernels* pairs_;
  std::int64_t groups_, dim_, panels_ = 0;  // panels of a group
  std::vector<float> data_;                 // [groups, panels, row_size, kPanel]
};

}  // namespace dsa::train
