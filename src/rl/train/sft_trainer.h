// Supervised training: a model learns to write what a curriculum shows it; the tokens of tools and prompts
// are read alone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rl/train/curriculum.h"
#include "rl/train/training_base.h"

namespace dsa::rl {

/// Stopped anywhere and resumed from its last checkpoint it ends with the same bits, on the same machine with
/// the same threads.
class SftTrainer final : public train::Training {
 public:
  using Checkpoint = PolicyCheckpoint<SftSettings>;
  /// `curriculum`: what it learns; it must outlive it.
  SftTrainer(const TrainingContext& context, Curriculum& curriculum, Checkpoint checkpoint);

  [[nodiscard]] const train::TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] train::Progress& progress() override { return checkpoint_.progress; }
  std::optional<train::StepRecord> step(const std::atomic<bool>& cancel) override;
  [[nodiscard]] std::string reading() override;
  std::optional<train::StepRecord> look(const std::atomic<bool>& cancel) override;
  void save(const train::TrainLog& log) override;
  void finish(const train::TrainLog& log) override;
  [[nodiscard]] train::ReportSubject describe() const override;

  [[nodiscard]] Policy& policy() { return *policy_; }

 private:
  [[nodiscard]] const SftSettings& settings() const { return checkpoint_.settings; }
  TrainingContext context_;
  Curriculum& curriculum_;
  Checkpoint checkpoint_;
  train::TrainingPlan plan_;
  std::unique_ptr<Policy> policy_;
};

}  // namespace dsa::rl
