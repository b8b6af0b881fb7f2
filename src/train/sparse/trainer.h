// The sparse stage: a model learns to predict over its indexers' selections.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "checkpoint/indexer_folder.h"
#include "model/sequence_pass.h"
#include "text/documents.h"
#include "train/loop/adamw.h"
#include "train/loop/sampler.h"
#include "train/loop/training_loop.h"
#include "train/sparse/checkpoint.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/sparse_model.h"

namespace dsa::train {

/// What a training begins with.
SparseCheckpoint new_sparse_checkpoint(const ModelFiles& model, const IndexerFolder& indexer,
                                       std::span<const Document> text, const SparseSettings& settings,
                                       const Budget& budget);

/// Trains a model's weights and its indexers, each on its own loss, with optimizers and clipping of their
/// own.  Stopped anywhere and resumed from its last checkpoint it ends with the same bits, on the same
/// machine with the same threads.
class SparseTrainer final : public Training {
 public:
  /// What it works with; all of it must outlive the trainer.
  struct Context {
    const ModelFiles& model;
    SequencePass* teacher = nullptr;  // the dense original; needed to distill
    Exec& exec;
    std::span<const Document> text, held_out;
    std::filesystem::path folder;
  };
  /// A new training or one that goes on.  Throws Error if the text is too short.
  SparseTrainer(const Context& context, SparseCheckpoint checkpoint);

  [[nodiscard]] const SparseCheckpoint& checkpoint() const { return checkpoint_; }

  [[nodiscard]] const TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] Progress& progress() override { return checkpoint_.progress; }
  std::optional<StepRecord> step(const std::atomic<bool>& cancel) override;
  [[nodiscard]] std::string reading() override;
  std::optional<StepRecord> look(const std::atomic<bool>& cancel) override;
  void save(const TrainLog& log) override;
  /// Writes the model.
  void finish(const TrainLog& log) override;
  [[nodiscard]] ReportSubject describe() const override;

 private:
  std::optional<SparseModel::Losses> run_model(std::span<const std::int32_t> tokens,
                                               SparseModel::Gradients gradients,
                                               const std::atomic<bool>& cancel);

  Context context_;
  SparseCheckpoint checkpoint_;
  TrainingPlan plan_;
  FlatTensors weights_, lora_;
  FlatTensors& trainable_;  // one of the two
  FlatTensors gradient_;
  IndexerTensors indexer_gradient_;
  SparseModel model_;
  AdamW main_optimizer_, indexer_optimizer_;
  WindowSampler sampler_;
};

}  // namespace dsa::train
