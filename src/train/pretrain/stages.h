// The stages that a model from scratch goes through, and each one's share of the tokens.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace dsa::train {

/// What is trained, over what (train/pretrain/mla_model.h).
enum class StageKind : std::uint8_t { dense, warmup, sparse };

std::string_view name(StageKind kind);

class Recipe {
 public:
  /// "dense:0.75,warmup:0.08,sparse:0.17"; shares are made to add up to 1.  Throws Error unless the stages
  /// come in this order, each once, begin with dense, and a sparse one follows a warm-up.
  static Recipe parse(std::string_view text);

  /// Of the stages, which are the first so many kinds, in their order.
  [[nodiscard]] const std::vector<double>& shares() const { return shares_; }
  [[nodiscard]] bool has(StageKind kind) const { return static_cast<std::size_t>(kind) < shares_.size(); }

 private:
  std::vector<double> shares_;
};

}  // namespace dsa::train
