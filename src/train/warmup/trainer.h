// The warm-up loop: steps, checkpoints, log and report.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "text/documents.h"
#include "train/loop/sampler.h"
#include "train/loop/schedule.h"
#include "train/loop/train_log.h"
#include "train/loop/training_run.h"
#include "train/warmup/checkpoint.h"
#include "train/warmup/document_pass.h"
#include "train/warmup/layer_optimizers.h"

namespace dsa::train {

/// Trains one model's indexers.  Steps are a pure function of (checkpoint, text, model):
/// stopped anywhere and resumed from its last checkpoint a training ends with the same bits,
/// on the same machine with the same threads.
class WarmupTrainer {
 public:
  /// A new training.  Throws Error if the folder holds one already, or if the text is too
  /// short for the curriculum.
  static WarmupTrainer start(LoadedModel& model, std::span<const Document> text,
                             std::span<const Document> held_out, const WarmupSettings& settings,
                             const Budget& budget, TrainerFiles files);
  /// Goes on from the folder's checkpoint, which was read before the model was opened.  Throws Error if model
  /// or text are not the ones it was trained with.
  static WarmupTrainer resume(LoadedModel& model, std::span<const Document> text,
                              std::span<const Document> held_out, WarmupCheckpoint checkpoint,
                              TrainerFiles files);

  using Events = TrainerEvents;
  /// Until the budget is used up; false if cancelled: what was done is saved.  Throws Error, with step, layer
  /// and text named, at the first number that is none; the last checkpoint stays as it is.
  bool run(const Events& events, const std::atomic<bool>& cancel);

  [[nodiscard]] const WarmupCheckpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] const TrainLog& log() const { return log_; }

 private:
  WarmupTrainer(LoadedModel& model, std::span<const Document> text, std::span<const Document> held_out,
                WarmupCheckpoint checkpoint, TrainerFiles files);

  bool step(const Events& events, const std::atomic<bool>& cancel);
  void check(const Window& window, std::span<const LayerLoss> losses, std::span<const double> norms) const;
  bool train_on(std::span<const std::int32_t> tokens, const LossRequest& wanted, double learning_rate,
                std::vector<double>& norms, const std::atomic<bool>& cancel);
  void turn_hours_into_tokens(const std::atomic<bool>& cancel);
  bool look_at_held_out(const Events& events, const std::atomic<bool>& cancel);
  void save_checkpoint();
  void save(const Events& events);  // and the indexer, its card, the report
  [[nodiscard]] std::int64_t stage_context() const;
  [[nodiscard]] std::int64_t trained_context() const;
  [[nodiscard]] LossRequest request(std::int64_t context, std::int64_t draw, bool with_recall);

  LoadedModel& model_;
  std::span<const Document> text_, held_out_;
  WarmupCheckpoint checkpoint_;
  TrainerFiles files_;
  Curriculum curriculum_;
  TrainLog log_;
  DocumentPass pass_;
  LayerOptimizers optimizers_;
  IndexerTensors gradient_;
  std::vector<float> before_;            // the weights before the document at hand
  std::vector<WindowSampler> samplers_;  // by stage
  std::vector<std::int32_t> rows_;
  double last_save_ = 0;  // on the training's own clock, log_.elapsed()
  Looks looks_;
};

}  // namespace dsa::train
