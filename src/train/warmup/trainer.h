// The warm-up: a model's indexers learn to follow its attention.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/numeric.h"
#include "text/documents.h"
#include "train/loop/sampler.h"
#include "train/loop/training_loop.h"
#include "train/warmup/checkpoint.h"
#include "train/warmup/curriculum.h"
#include "train/warmup/document_pass.h"
#include "train/warmup/layer_optimizers.h"

namespace dsa::train {

/// What a training begins with.
WarmupCheckpoint new_warmup_checkpoint(const ModelFiles& model, std::span<const Document> text,
                                       const WarmupSettings& settings, const Budget& budget);

/// Stopped anywhere and resumed from its last checkpoint it ends with the same bits, on the same machine.
class WarmupTrainer final : public Training {
 public:
  /// What it works with; all of it must outlive the trainer.
  struct Context {
    LoadedModel& model;
    std::span<const Document> text, held_out;
    std::filesystem::path folder;
  };
  /// A new training or one that goes on.  Throws Error if a text is too short for the curriculum.
  WarmupTrainer(const Context& context, WarmupCheckpoint checkpoint);

  [[nodiscard]] const WarmupCheckpoint& checkpoint() const { return checkpoint_; }

  [[nodiscard]] const TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] Progress& progress() override { return checkpoint_.progress; }
  std::optional<StepRecord> step(const std::atomic<bool>& cancel) override;
  [[nodiscard]] std::string reading() override;
  std::optional<StepRecord> look(const std::atomic<bool>& cancel) override;
  std::optional<double> seconds_a_token(std::size_t stage, const std::atomic<bool>& cancel) override;
  void save(const TrainLog& log) override;
  [[nodiscard]] ReportSubject describe() const override;

 private:
  Outcome train_on(std::span<const std::int32_t> tokens, const LossRequest& wanted, StepRecord& record,
                   const std::atomic<bool>& cancel);
  [[nodiscard]] WindowSampler& sampler() { return samplers_[usize(checkpoint_.progress.stage)]; }
  [[nodiscard]] std::int64_t stage_context() const;
  [[nodiscard]] std::int64_t trained_context() const;
  enum class Measure : std::uint8_t { loss, loss_and_recall };
  [[nodiscard]] LossRequest request(std::int64_t context, std::int64_t draw, Measure measure);

  Context context_;
  WarmupCheckpoint checkpoint_;
  Curriculum curriculum_;
  TrainingPlan plan_;
  DocumentPass pass_;
  LayerOptimizers optimizers_;
  IndexerTensors gradient_;
  std::vector<float> before_;            // the weights before the document at hand
  std::vector<WindowSampler> samplers_;  // by stage
  std::vector<std::int32_t> rows_;
};

}  // namespace dsa::train
