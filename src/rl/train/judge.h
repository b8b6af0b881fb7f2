// A model that reads a task, an attempt at it and a line of the rubric, and says yes or no.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "exec/exec.h"
#include "model/loaded_model.h"
#include "model/opened_model.h"
#include "rl/rewards/rubric.h"
#include "tokenizer/tokenizer.h"

namespace dsa::rl {

/// An attempt; both must outlive it.
struct Attempt {
  const Task* task = nullptr;
  const Transcript* transcript = nullptr;
};
/// Chance of yes, by line of kRubric.
using Verdicts = std::array<double, kRubric.size()>;
/// Their mean: what an attempt is worth to the judge.
double judged_score(const Verdicts& verdicts);

/// In tokens: BOS, the attempt, the question, a line break; then a verdict's first token.
class JudgeWording {
 public:
  /// `tokenizer` must outlive it.  Throws Error if "yes" and "no" begin with the same token.
  explicit JudgeWording(const Tokenizer& tokenizer);
  [[nodiscard]] std::vector<std::int32_t> question(const Attempt& attempt, std::string_view line) const;
  [[nodiscard]] std::int32_t verdict(bool yes) const { return yes ? yes_ : no_; }

 private:
  const Tokenizer& tokenizer_;
  std::int32_t yes_ = 0, no_ = 0;
};

class Judge {
 public:
  /// `tokenizer` is the judge's own and must outlive it: what it reads is text, so the model that wrote it
  /// may have another.  `context`: tokens of an attempt and a question, at most; longer ones are worth 0.
  /// Throws Error.
  Judge(OpenedModel model, const Tokenizer& tokenizer, std::int64_t context, const Exec& exec);

  /// By attempt; its lines are read with the pages of the attempt shared.  A pure function of weights and
  /// attempt.  nullopt: cancelled.
  std::optional<std::vector<Verdicts>> verdicts(std::span<const Attempt> attempts,
                                                const std::atomic<bool>& cancel);

 private:
  const Tokenizer& tokenizer_;
  JudgeWording wording_;
  std::int64_t context_;
  std::unique_ptr<LoadedModel> model_;
};

/// Of verdicts, by line of kRubric: the share that is what the rules say.
Verdicts agreement(std::span<const Attempt> attempts, std::span<const Verdicts> verdicts);

}  // namespace dsa::rl
