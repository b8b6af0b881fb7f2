// Supervised training on tasks: a model learns to write given messages; the tokens of tools and prompts are
// read alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rl/train/examples.h"
#include "rl/train/training_base.h"

namespace dsa::rl {

/// Stopped anywhere and resumed from its last checkpoint it ends with the same bits, on the same machine with
/// the same threads.
class SftTrainer final : public train::Training {
 public:
  using Checkpoint = PolicyCheckpoint<SftSettings>;
  /// `examples`: what it learns, each once an epoch; none: solutions of tasks, always new ones.  They must
  /// outlive it.
  SftTrainer(const TrainingContext& context, std::span<const Example> examples, Checkpoint checkpoint);

  [[nodiscard]] const train::TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] train::Progress& progress() override { return checkpoint_.progress; }
  std::optional<train::StepRecord> step(const std::atomic<bool>& cancel) override;
  [[nodiscard]] std::string reading() override;
  std::optional<train::StepRecord> look(const std::atomic<bool>& cancel) override;
  void save(const train::TrainLog& log) override;
  void finish(const train::TrainLog& log) override;
  [[nodiscard]] train::ReportSubject describe() const override;

  [[nodiscard]] Policy& policy() { return policy_; }

 private:
  [[nodiscard]] const SftSettings& settings() const { return checkpoint_.settings; }
  /// Number `place` of what is learnt.
  [[nodiscard]] Played lesson(std::int64_t place);

  TrainingContext context_;
  std::span<const Example> examples_;
  Checkpoint checkpoint_;
  train::TrainingPlan plan_;
  Policy policy_;
  Wording wording_;
  TaskSource source_;
  std::vector<std::size_t> order_;  // of the examples, in this epoch
  std::int64_t epoch_ = -1;
};

}  // namespace dsa::rl
