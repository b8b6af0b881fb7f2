// The loop of a model trained from scratch: stages, steps, checkpoints, log,
// report and the model it leaves behind.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "text/documents.h"
#include "train/loop/adamw.h"
#include "train/loop/sampler.h"
#include "train/loop/train_log.h"
#include "train/loop/training_run.h"
#include "train/pretrain/checkpoint.h"
#include "train/pretrain/mla_model.h"
#include "train/pretrain/stages.h"

namespace dsa::train {

/// What a training begins with: random weights.  `config_hash` as config_hash().
PretrainCheckpoint new_pretrain_checkpoint(const ModelConfig& config, const Identity& identity,
                                           const PretrainSettings& settings, const Budget& budget);

/// Trains main weights and indexers, each on its own loss, with optimizers and clipping of their own.  Steps
/// are a pure function of (checkpoint, text, config): stopped anywhere and resumed from its last checkpoint a
/// training ends with the same bits, on the same machine with the same threads.
class PretrainTrainer {
 public:
  /// What it works with; all of it must outlive the trainer.
  struct Context {
    const ModelConfig& config;
    Exec& exec;
    std::span<const Document> text, held_out;
    TrainerFiles files;
  };
  /// A new training or one that goes on.  Throws Error if the text is too short.
  PretrainTrainer(const Context& context, PretrainCheckpoint checkpoint);

  /// Until the budget is used up; false if cancelled: what was done is saved.  The model is written when it
  /// ends, either way.  Throws Error, with step, layer and text named, at the first number that is none; the
  /// last checkpoint stays as it is.
  bool run(const TrainerEvents& events, const std::atomic<bool>& cancel);

  [[nodiscard]] const PretrainCheckpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] const TrainLog& log() const { return log_; }

 private:
  enum class Outcome : std::uint8_t { done, cancelled };
  struct Rates {
    double main = 0, indexer = 0;  // 0: not trained
  };
  [[nodiscard]] StageKind stage() const;
  [[nodiscard]] Rates rates(double done) const;
  Outcome step(const TrainerEvents& events, const std::atomic<bool>& cancel);
  void update(const MlaModel::Losses& losses, const Rates& rates);
  void enter_stage();
  Outcome turn_hours_into_tokens(const std::atomic<bool>& cancel);
  Outcome look_at_held_out(const TrainerEvents& events, const std::atomic<bool>& cancel);
  bool add_look(std::span<const std::int32_t> tokens, double share, StepRecord& record,
                const std::atomic<bool>& cancel);
  std::vector<std::int32_t> batch_of(std::int64_t step);
  void save_checkpoint();
  void save(const TrainerEvents& events);  // and the report

  Context context_;
  PretrainCheckpoint checkpoint_;
  Recipe recipe_;
  NamedTensors weights_, gradient_;
  IndexerTensors indexer_gradient_;
  MlaModel model_;
  AdamW main_optimizer_, indexer_optimizer_;
  WindowSampler sampler_;
  TrainLog log_;
  double last_save_ = 0;  // on the training's own clock, log_.elapsed()
  Looks looks_;
};

}  // namespace dsa::train
