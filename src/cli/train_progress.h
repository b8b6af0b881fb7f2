// What a training shows while it runs, and when it is over.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/terminal.h"
#include "cli/train_options.h"
#include "train/loop/training_loop.h"

namespace dsa::cli {

/// On a terminal one line drawn over itself; elsewhere a line now and then.  On stderr.
class TrainProgress {
 public:
  /// Both must outlive this; they are read at every step.
  TrainProgress(const train::Progress& progress, const train::TrainLog& log)
      : progress_(progress), log_(log) {}
  TrainProgress(const TrainProgress&) = delete;
  TrainProgress& operator=(const TrainProgress&) = delete;

  void step(const train::StepRecord& record);
  /// Wipes the line; before anything else is printed.
  void clear() { line_.clear(); }

 private:
  const train::Progress& progress_;
  const train::TrainLog& log_;
  std::optional<train::KeptAttention> kept_;  // the last one measured
  double smooth_kl_ = 0, smooth_loss_ = 0;
  StatusLine line_;
};

/// What a line says beside the step itself.
struct TrainingLine {
  double kl = 0;                             // smoothed
  double language_model = 0;                 // smoothed; 0: the main weights are not trained
  std::optional<train::KeptAttention> kept;  // the last one measured
  std::optional<double> remaining_seconds;
};
/// "training [###   ] 12 %  step 40 ..." of one step.
std::string training_line(const train::StepRecord& record, const train::Progress& progress,
                          const TrainingLine& line);

std::string hours_minutes_seconds(double seconds);

/// The last look at held-out text; nullptr if there was none.
const train::StepRecord* last_look(const train::TrainLog& log);

/// Runs a training with its progress shown, and prints how long it was and what `closing` says of it; the
/// exit status.
int run_training(train::Training& training, const TrainOptions& o,
                 const std::function<std::string(const train::TrainingLoop&)>& closing);

}  // namespace dsa::cli
