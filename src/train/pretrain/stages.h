// The stages that a model from scratch goes through, and each one's share of the tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::train {

/// What is trained, over what (train/pretrain/mla_model.h).
enum class StageKind : std::uint8_t { dense, warmup, sparse };

std::string_view name(StageKind kind);

struct RecipeStage {
  StageKind kind = StageKind::dense;
  double share = 0;  // of all tokens; the stages' shares add up to 1
};

class Recipe {
 public:
  /// "dense:0.75,warmup:0.08,sparse:0.17"; shares are made to add up to 1.  Throws Error unless the stages
  /// come in this order, each once, begin with dense, and a sparse one follows a warm-up.
  static Recipe parse(std::string_view text);

  [[nodiscard]] const std::vector<RecipeStage>& stages() const { return stages_; }
  [[nodiscard]] bool has(StageKind kind) const;

  /// Where `tokens` of `budget` lie.
  struct Place {
    std::size_t stage = 0;
    double done = 0;  // share of this stage's tokens
  };
  /// The beginning of the first stage while the budget is not known (0).
  [[nodiscard]] Place at(std::int64_t tokens, std::int64_t budget) const;

 private:
  std::vector<RecipeStage> stages_;
};

}  // namespace dsa::train
