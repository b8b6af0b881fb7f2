// What a training shows while it runs, and when it is over.
#pragma once

#include <string>

#include "train/trainer.h"

namespace dsa::cli {

/// On a terminal one line drawn over itself; elsewhere a line now and then.  On stderr.
class TrainProgress {
 public:
  explicit TrainProgress(const train::Trainer& trainer) : trainer_(trainer) {}
  ~TrainProgress() { clear(); }
  TrainProgress(const TrainProgress&) = delete;
  TrainProgress& operator=(const TrainProgress&) = delete;

  void step(const train::StepRecord& record);
  /// Wipes the line; before anything else is printed.
  void clear();

 private:
  const train::Trainer& trainer_;
  std::optional<train::PassSummary> recall_;  // the last one measured
  double smooth_kl_ = 0;
  bool drawn_ = false;
};

/// "training [###   ] 12 %  step 40 ..." of one step; `remaining_seconds` may be unknown.
std::string training_line(const train::StepRecord& record, const train::Progress& progress,
                          const std::optional<train::PassSummary>& recall, double kl,
                          std::optional<double> remaining_seconds);

std::string closing_lines(const train::Trainer& trainer, const std::string& folder);

}  // namespace dsa::cli
