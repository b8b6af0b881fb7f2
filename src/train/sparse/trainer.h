// The sparse stage's loop: steps, checkpoints, log, report and the model it leaves behind.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "checkpoint/indexer_folder.h"
#include "eval/loaded_model.h"
#include "text/documents.h"
#include "train/loop/adamw.h"
#include "train/loop/sampler.h"
#include "train/loop/schedule.h"
#include "train/loop/train_log.h"
#include "train/loop/training_run.h"
#include "train/sparse/checkpoint.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/sparse_model.h"

namespace dsa::train {

/// What a training begins with.
SparseCheckpoint new_sparse_checkpoint(const ModelFiles& model, const IndexerFolder& indexer,
                                       std::span<const Document> text, const SparseSettings& settings,
                                       const Budget& budget);

/// Trains a model's weights and its indexers, each on its own loss, with optimizers and clipping of their
/// own.  Steps are a pure function of (checkpoint, text, model): stopped anywhere and resumed from its last
/// checkpoint a training ends with the same bits, on the same machine with the same threads.
class SparseTrainer {
 public:
  /// What it works with; all of it must outlive the trainer.
  struct Context {
    const ModelFiles& model;
    LoadedModel* teacher = nullptr;  // the dense original; needed with --distill
    Exec& exec;
    std::span<const Document> text, held_out;
    TrainerFiles files;
  };
  /// A new training or one that goes on.  Throws Error if the text is too short.
  SparseTrainer(const Context& context, SparseCheckpoint checkpoint);

  /// Until the budget is used up; false if cancelled: what was done is saved.  The model is written when it
  /// ends, either way.  Throws Error, with step, layer and text named, at the first number that is none; the
  /// last checkpoint stays as it is.
  bool run(const TrainerEvents& events, const std::atomic<bool>& cancel);

  [[nodiscard]] const SparseCheckpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] const TrainLog& log() const { return log_; }

 private:
  enum class Outcome : std::uint8_t { done, cancelled };
  Outcome step(const TrainerEvents& events, const std::atomic<bool>& cancel);
  Outcome look_at_held_out(const TrainerEvents& events, const std::atomic<bool>& cancel);
  std::optional<SparseModel::Losses> run_model(std::span<const std::int32_t> tokens,
                                               SparseModel::Gradients gradients,
                                               const std::atomic<bool>& cancel);
  void turn_hours_into_tokens();
  void save_checkpoint();
  void save(const TrainerEvents& events);  // and the report
  void publish();

  Context context_;
  SparseCheckpoint checkpoint_;
  NamedTensors weights_, lora_;
  NamedTensors& trainable_;  // one of the two
  NamedTensors gradient_;
  IndexerTensors indexer_gradient_;
  SparseModel model_;
  AdamW main_optimizer_, indexer_optimizer_;
  WindowSampler sampler_;
  TrainLog log_;
  double last_save_ = 0;  // on the training's own clock, log_.elapsed()
  Looks looks_;
};

}  // namespace dsa::train
