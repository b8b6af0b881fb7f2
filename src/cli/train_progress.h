// What a training shows while it runs, and when it is over.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "cli/terminal.h"
#include "cli/verb.h"
#include "train/warmup/trainer.h"

namespace dsa::cli {

/// On a terminal one line drawn over itself; elsewhere a line now and then.  On stderr.
class TrainProgress {
 public:
  /// Both must outlive this; they are read at every step.
  TrainProgress(const train::Progress& progress, const train::TrainLog& log)
      : progress_(progress), log_(log) {}
  ~TrainProgress() { clear(); }
  TrainProgress(const TrainProgress&) = delete;
  TrainProgress& operator=(const TrainProgress&) = delete;

  void step(const train::StepRecord& record);
  /// Wipes the line; before anything else is printed.
  void clear();

 private:
  const train::Progress& progress_;
  const train::TrainLog& log_;
  std::optional<train::PassSummary> recall_;  // the last one measured
  double smooth_kl_ = 0, smooth_loss_ = 0;
  bool drawn_ = false;
};

/// What a line says beside the step itself.
struct TrainingLine {
  double kl = 0;                             // smoothed
  double language_model = 0;                 // smoothed; 0: the main weights are not trained
  std::optional<train::PassSummary> recall;  // the last one measured
  std::optional<double> remaining_seconds;
};
/// "training [###   ] 12 %  step 40 ..." of one step.
std::string training_line(const train::StepRecord& record, const train::Progress& progress,
                          const TrainingLine& line);

std::string hours_minutes_seconds(double seconds);

/// What is printed when a warm-up is over.
std::string closing_lines(const train::WarmupTrainer& trainer, const std::string& folder);

/// Runs a training, a WarmupTrainer or a SparseTrainer, with its progress shown,
/// and prints what `closing` says; the exit status.
template <class Trainer, class Closing>
int run_training(Trainer& trainer, Closing&& closing) {
  const CatchInterrupt interrupt;
  TrainProgress progress(trainer.checkpoint().progress, trainer.log());
  const bool finished = trainer.run(
      {.step = [&](const train::StepRecord& r) { progress.step(r); }, .saved = {}}, interrupt.flag());
  progress.clear();
  if (!finished) {
    fmt::print(stderr, "stopped after step {}; --resume goes on from there\n",
               trainer.checkpoint().progress.step);
    return kInterrupted;
  }
  print(closing());
  return kDone;
}

}  // namespace dsa::cli
