// The one loop of all trainings: steps, looks at held-out text, hours that become tokens, saving by the
// clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/loop/progress.h"
#include "train/loop/report.h"
#include "train/loop/train_log.h"

namespace dsa::train {

/// Of everything that may be stopped.
enum class Outcome : std::uint8_t { done, cancelled };

/// How a training goes, decided when it begins.
struct TrainingPlan {
  std::vector<double> shares{1};    // of the tokens, by stage; they add up to 1
  std::int64_t looks = 0;           // at held-out text, evenly over the budget; 0: there is none
  bool look_at_stage_ends = false;  // besides
};

/// What a training does in its own way.  A step is a pure function of what save() has saved, text and model.
/// One thread at a time; `cancel` may be set from anywhere.
class Training {
 public:
  Training() = default;
  virtual ~Training() = default;
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  [[nodiscard]] virtual const TrainingPlan& plan() const = 0;
  /// Moved on by the loop.
  [[nodiscard]] virtual Progress& progress() = 0;

  /// Trains on the next tokens; nullopt if cancelled: then nothing has changed.  Throws Error, naming the
  /// layer or the tensor, at the first number that is none.
  virtual std::optional<StepRecord> step(const std::atomic<bool>& cancel) = 0;
  /// What the next step reads: "tokens 0 to 2048 of FILE".
  [[nodiscard]] virtual std::string reading() = 0;
  /// What held-out text gives as things stand; nullopt if cancelled.
  virtual std::optional<StepRecord> look(const std::atomic<bool>& cancel) = 0;
  /// Seconds that a token of a later stage takes, found without a step; nullopt if cancelled.  Asked of
  /// trainings with several stages alone.
  virtual std::optional<double> seconds_a_token(std::size_t stage, const std::atomic<bool>& cancel);

  /// Replaces the checkpoint, and what else is kept up to date.  Throws Error.
  virtual void save(const TrainLog& log) = 0;
  /// Writes what a training leaves behind when it ends, finished or cancelled.  Throws Error.
  virtual void finish(const TrainLog&) {}
  [[nodiscard]] virtual ReportSubject describe() const = 0;
};

struct TrainerFiles {
  std::filesystem::path folder;  // of the result, checkpoint, log and report
  double save_seconds = 120;     // between checkpoints; does not change what is trained
};

struct TrainerEvents {
  std::function<void(const StepRecord&)> step = {};
  std::function<void(const std::filesystem::path&)> saved = {};
};

class TrainingLoop {
 public:
  /// `training` must outlive this.  Its log, if it goes on, forgets what came after the checkpoint.
  TrainingLoop(Training& training, TrainerFiles files);

  /// Until the budget is used up or it is cancelled; either way all is saved.  Throws Error, with step, layer
  /// and text named, at the first number that is none: the last checkpoint stays as it is.
  Outcome run(const TrainerEvents& events, const std::atomic<bool>& cancel);

  [[nodiscard]] const Progress& progress() const { return training_.progress(); }
  [[nodiscard]] const TrainLog& log() const { return log_; }

 private:
  void enter_stage();
  Outcome step(const TrainerEvents& events, const std::atomic<bool>& cancel);
  Outcome turn_hours_into_tokens(const std::atomic<bool>& cancel);
  Outcome look_at_held_out(const TrainerEvents& events, const std::atomic<bool>& cancel);
  [[nodiscard]] bool look_is_due() const;
  void add(StepRecord record, double seconds, const TrainerEvents& events);
  void save(const TrainerEvents& events);  // and the report

  Training& training_;
  TrainerFiles files_;
  TrainLog log_;
  double last_save_ = 0;        // on the training's own clock, log_.elapsed()
  std::int64_t next_look_ = 0;  // tokens
};

/// Seconds that are still to come at the present speed; nullopt while the budget is not known.
std::optional<double> remaining_seconds(const Progress& progress, const TrainLog& log);

}  // namespace dsa::train
