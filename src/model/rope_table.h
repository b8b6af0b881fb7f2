// Rotary frequencies of a model, and the cosines and sines of a batch's positions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/model_config.h"
#include "kernels/rope.h"
#include "tensor/view.h"

namespace dsa {

/// Frequencies of one rotated width.  Immutable, thread-safe.
/// Source: transformers modeling_rope_utils.py (default, linear, llama3, yarn).
class RopeTable {
 public:
  /// dim: the rotated width (even).  max_positions stands in where the scaling names no original length.
  RopeTable(const RopeConfig& config, std::int64_t dim, std::int64_t max_positions);

  [[nodiscard]] std::int64_t dim() const { return 2 * static_cast<std::int64_t>(frequencies_.size()); }
  /// For the op rope_angles: cosines and sines of `positions`, both times the scaling's attention factor.
  [[nodiscard]] RopeAnglesArgs angles(std::span<const std::int64_t> positions,
                                      TensorView<float, 2> out) const {
    return {.positions = positions, .frequencies = frequencies_, .magnitude = magnitude_, .cos_sin = out};
  }
  /// The same by the reference and one thread, for those who have neither kernels nor a team.
  void fill(std::span<const std::int64_t> positions, TensorView<float, 2> out) const;

  [[nodiscard]] std::span<const float> frequencies() const { return frequencies_; }

 private:
  std::vector<float> frequencies_;  // radians per position, of each pair
  float magnitude_ = 1;
};

/// YaRN's temperature: 0.1 * mscale * ln(factor) + 1 for factor > 1.
double yarn_mscale(double factor, double mscale);

}  // namespace dsa
