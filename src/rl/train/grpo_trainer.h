// Training by reward: the model plays tasks on our engine, with the weights of the step, and learns from what
// was worth more than the rest of its group.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/grpo/objective.h"
#include "rl/train/choice_notes.h"
#include "rl/train/judge.h"
#include "rl/train/training_base.h"

namespace dsa::rl {

/// Stopped anywhere and resumed from its last checkpoint it ends with the same bits, on the same machine with
/// the same threads.
class GrpoTrainer final : public train::Training {
 public:
  using Checkpoint = PolicyCheckpoint<GrpoSettings>;
  /// A new training or one that goes on.  `judge`: whom the settings name, must outlive it.  Throws Error.
  GrpoTrainer(const TrainingContext& context, Checkpoint checkpoint, Judge* judge = nullptr);

  [[nodiscard]] const train::TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] train::Progress& progress() override { return checkpoint_.progress; }
  std::optional<train::StepRecord> step(const std::atomic<bool>& cancel) override;
  [[nodiscard]] std::string reading() override;
  std::optional<train::StepRecord> look(const std::atomic<bool>& cancel) override;
  void save(const train::TrainLog& log) override;
  void finish(const train::TrainLog& log) override;
  [[nodiscard]] train::ReportSubject describe() const override;

  [[nodiscard]] Policy& policy() { return *policy_; }
  /// So many steps in a row had nothing to learn from that it ended before its time.
  [[nodiscard]] bool gave_up() const { return checkpoint_.without_signal >= settings().patience; }

 private:
  /// What belongs to a lesson, in a part of the step's.
  struct Notes {
    std::vector<Trace> traces;                  // empty: nothing is read again
    std::vector<std::vector<float>> reference;  // empty: there is none
  };
  [[nodiscard]] const GrpoSettings& settings() const { return checkpoint_.settings; }
  std::optional<Groups> play_groups(Runner& runner, const std::vector<TaskSource::Drawn>& drawn,
                                    const std::atomic<bool>& cancel);
  /// Writes down what rubric and judge say to each episode.  False if cancelled.
  bool judge(const std::vector<TaskSource::Drawn>& drawn, Groups& groups, const std::atomic<bool>& cancel);
  std::optional<Notes> notes(LoadedModel& model, const ChoiceNotes& choices, std::span<const Lesson> lessons,
                             const std::atomic<bool>& cancel);
  /// One update from a part of the lessons.  False if cancelled.
  bool learn(std::span<const Lesson> lessons, const Notes& notes, train::StepRecord& record,
             ObjectiveFigures& figures, const std::atomic<bool>& cancel);

  TrainingContext context_;
  Checkpoint checkpoint_;
  train::TrainingPlan plan_;
  Objective objective_;
  std::unique_ptr<Policy> policy_;
  Wording wording_;
  TaskSource source_;
  std::unique_ptr<LoadedModel> reference_;  // null: no KL is taken
  Judge* judge_;                            // null: rules alone
};

}  // namespace dsa::rl
