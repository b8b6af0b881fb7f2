// A model from scratch: it learns to predict, its indexers to select, and it to predict over what they
// select.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "text/documents.h"
#include "train/loop/adamw.h"
#include "train/loop/sampler.h"
#include "train/loop/training_loop.h"
#include "train/pretrain/checkpoint.h"
#include "train/pretrain/mla_model.h"
#include "train/pretrain/stages.h"

namespace dsa::train {

/// What a training begins with: random weights.
PretrainCheckpoint new_pretrain_checkpoint(const ModelConfig& config, const Identity& identity,
                                           const PretrainSettings& settings, const Budget& budget);

/// Trains main weights and indexers, each on its own loss, with optimizers and clipping of their own.
/// Stopped anywhere and resumed from its last checkpoint it ends with the same bits, on the same machine with
/// the same threads.
class PretrainTrainer final : public Training {
 public:
  /// What it works with; all of it must outlive the trainer.
  struct Context {
    const ModelConfig& config;
    Exec& exec;
    std::span<const Document> text, held_out;
    std::filesystem::path folder;
  };
  /// A new training or one that goes on.  Throws Error if the text is too short.
  PretrainTrainer(const Context& context, PretrainCheckpoint checkpoint);

  [[nodiscard]] const PretrainCheckpoint& checkpoint() const { return checkpoint_; }

  [[nodiscard]] const TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] Progress& progress() override { return checkpoint_.progress; }
  std::optional<StepRecord> step(const std::atomic<bool>& cancel) override;
  [[nodiscard]] std::string reading() override;
  std::optional<StepRecord> look(const std::atomic<bool>& cancel) override;
  std::optional<double> seconds_a_token(std::size_t stage, const std::atomic<bool>& cancel) override;
  void save(const TrainLog& log) override;
  /// Writes the model.
  void finish(const TrainLog& log) override;
  [[nodiscard]] ReportSubject describe() const override;

 private:
  struct Rates {
    double main = 0, indexer = 0;  // 0: not trained
  };
  [[nodiscard]] StageKind stage() const { return static_cast<StageKind>(checkpoint_.progress.stage); }
  [[nodiscard]] Rates rates() const;
  [[nodiscard]] StepRecord new_record() const;
  void update(const MlaModel::Losses& losses, const Rates& rates);
  Outcome add_look(std::span<const std::int32_t> tokens, double share, StepRecord& record,
                   const std::atomic<bool>& cancel);
  std::vector<std::int32_t> batch_of(std::int64_t step);

  Context context_;
  PretrainCheckpoint checkpoint_;
  TrainingPlan plan_;
  FlatTensors weights_, gradient_;
  IndexerTensors indexer_gradient_;
  MlaModel model_;
  AdamW main_optimizer_, indexer_optimizer_;
  WindowSampler sampler_;
};

}  // namespace dsa::train
