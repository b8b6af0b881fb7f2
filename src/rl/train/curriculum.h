// What a model learns by example, and how far it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "exec/exec.h"
#include "model/opened_model.h"
#include "rl/episodes/played.h"
#include "rl/train/examples.h"
#include "rl/train/task_source.h"
#include "train/loop/train_log.h"

namespace dsa::rl {

class Curriculum {
 public:
  virtual ~Curriculum() = default;
  /// Number `place` of what is learnt: a pure function of it, but for the time it takes.
  [[nodiscard]] virtual Played at(std::int64_t place) = 0;
  /// What a model makes of what it is never taught.  nullopt: cancelled.
  [[nodiscard]] virtual std::optional<train::RewardRecord> look(OpenedModel model, const Exec& exec,
                                                                const std::atomic<bool>& cancel) = 0;
};

/// Solutions of tasks, always new ones, or given episodes, each once an epoch.
class TaskCurriculum final : public Curriculum {
 public:
  /// All must outlive it; no `examples`: solutions.
  TaskCurriculum(std::span<const DomainShare> domains, const SftSettings& settings, const Wording& wording,
                 std::span<const Example> examples);

  Played at(std::int64_t place) override;
  std::optional<train::RewardRecord> look(OpenedModel model, const Exec& exec,
                                          const std::atomic<bool>& cancel) override;

 private:
  [[nodiscard]] Played solution(std::int64_t place) const;

  std::span<const DomainShare> domains_;
  SftSettings settings_;
  Wording wording_;
  std::span<const Example> examples_;
  TaskSource source_;
  std::vector<std::size_t> order_;  // of the examples, in this epoch
  std::int64_t epoch_ = -1;
};

/// Attempts at tasks, and what the rules say to one line of the rubric about them.
class JudgeCurriculum final : public Curriculum {
 public:
  /// All must outlive it.
  JudgeCurriculum(std::span<const DomainShare> domains, const SftSettings& settings,
                  const Tokenizer& tokenizer)
      : domains_(domains), settings_(settings), tokenizer_(tokenizer), source_(domains, settings) {}

  Played at(std::int64_t place) override;
  /// `domains` of the record: of each line, the share of verdicts that are the rules'.
  std::optional<train::RewardRecord> look(OpenedModel model, const Exec& exec,
                                          const std::atomic<bool>& cancel) override;

 private:
  std::span<const DomainShare> domains_;
  SftSettings settings_;
  const Tokenizer& tokenizer_;
  TaskSource source_;
};

}  // namespace dsa::rl
