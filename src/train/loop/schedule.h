// How long a training runs, at which context lengths and learning rates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::train {

/// An indexer works at the lengths it was trained at: short contexts first,
/// where tokens are cheap, then longer ones.
struct Stage {
  std::int64_t context = 0;
  double share = 0;  // of all tokens; the stages' shares add up to 1
};

class Curriculum {
 public:
  /// "2048:0.3,8192:0.7"; shares are made to add up to 1.  Throws Error.
  static Curriculum parse(std::string_view text);
  /// Doubling from 2,048 tokens to `context`, three quarters of the tokens at full length;
  /// one stage if it is shorter.
  static Curriculum up_to(std::int64_t context);

  [[nodiscard]] const std::vector<Stage>& stages() const { return stages_; }
  [[nodiscard]] std::int64_t longest() const;
  [[nodiscard]] std::string text() const;
  /// The stage that runs once `tokens` of `budget` are done; the first one while the budget is not known (0).
  [[nodiscard]] std::size_t stage_at(std::int64_t tokens, std::int64_t budget) const;

 private:
  std::vector<Stage> stages_;
};

/// Steps that are timed before --hours becomes a token budget.
inline constexpr std::int64_t kTimedSteps = 20;
/// Steps over which the learning rate rises.
inline constexpr std::int64_t kRisingSteps = 10;

/// A learning rate's way: a linear rise of `rise` steps up to `peak`,
/// and half a cosine down to `last` times it.
struct Course {
  double peak = 0;
  std::int64_t rise = 1;
  double last = 0;
};
double rate_at(const Course& course, std::int64_t step, double progress);

/// `peak` after a linear rise of kRisingSteps steps, and half a cosine down to a thousandth of it.
double learning_rate(double peak, std::int64_t step, double progress);

}  // namespace dsa::train
