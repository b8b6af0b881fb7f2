// A model that learns from episodes: its weights, what their gradients are for any loss of single tokens, its
// optimizers, and itself as a model that our engine runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/opened_model.h"
#include "rl/train/trace.h"
#include "train/loop/adamw.h"
#include "train/loop/products.h"
#include "train/pretrain/stages.h"
#include "train/sparse/joint_gradients.h"
#include "train/sparse/weights_checkpoint.h"
#include "train/warmup/layer_loss.h"

namespace dsa::rl {

/// Of the indexers of a model in training; of no layers where it has none.
train::IndexerShape indexer_shape_of(const ModelConfig& config);

/// Each kind of model has its own: rl/train/mla_policy.h, rl/train/gqa_policy.h.
class Policy {
 public:
  struct Options {
    std::int64_t context = 0;        // tokens of a sequence, at most
    std::int64_t run_tokens = 4096;  // of sequences that are computed side by side, about
    train::Products products = train::Products::f32;
  };
  virtual ~Policy() = default;
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

  /// Goes on from a training's checkpoint in `folder`; its weights are handed over.  Throws Error.
  void restore(train::WeightsCheckpoint& checkpoint, const std::filesystem::path& folder);

  /// What is trained: every weight, or what is added to some.
  [[nodiscard]] const train::FlatTensors& trained() const { return trained_; }
  [[nodiscard]] train::IndexerTensors& indexer() { return indexer_; }
  [[nodiscard]] const train::FlatTensors& gradient() const { return gradient_; }
  [[nodiscard]] train::OptimizerStates optimizers() const {
    return {.main = main_optimizer_.state(), .indexer = indexer_optimizer_.state()};
  }
  /// A copy of the weights as they are, F32, to be run.
  [[nodiscard]] virtual OpenedModel snapshot(const std::filesystem::path& path) const = 0;
  /// Writes the model into a Hugging Face folder, BF16.  Throws Error.
  virtual void write(const std::filesystem::path& folder) = 0;

  struct Sequence {
    std::span<const std::int32_t> tokens;
    std::span<const std::int32_t> trained;  // places of those that the loss is of, ascending, never 0
    const Trace* choices = nullptr;         // to be made again
    /// Of each that is trained, the ids it was chosen from; empty: all.
    std::span<const std::vector<std::int32_t>> kept = {};
  };
  struct Request {
    std::span<const Sequence> sequences;
    train::StageKind stage = train::StageKind::sparse;  // or dense
    bool train_indexers = false;
    /// Gets a sequence's log-probabilities and writes the loss's slope by each.  Empty: no gradients.
    std::function<void(std::size_t sequence, std::span<const float> log_probs, std::span<float> slopes)>
        slopes = {};
  };
  struct Result {
    std::vector<std::vector<float>> log_probs;    // by sequence
    std::vector<train::LayerLoss> indexers = {};  // means over sequences; empty where they are not trained
  };
  /// nullopt: cancelled; then the gradients are of no use.  Throws Error at the first number that is none.
  virtual std::optional<Result> run(const Request& request, const std::atomic<bool>& cancel) = 0;

  /// What the indexers' selections keep of dense attention over these sequences, of those that are longer
  /// than a selection.  nullopt: cancelled.
  virtual std::optional<train::IndexerRecord> watch_indexers(std::span<const Sequence> sequences,
                                                             const std::atomic<bool>& cancel) = 0;

  struct Rates {
    double main = 0, indexer = 0;  // 0: not trained
    double clip = 1;
  };
  /// A step along the last run's gradients.  Throws Error at the first that is not finite.
  train::GradientNorms update(const Rates& rates);

 protected:
  Policy(train::FlatTensors trained, const train::IndexerShape& indexer, Exec& exec);

  Exec& exec_;
  train::FlatTensors trained_, gradient_;
  train::IndexerTensors indexer_, indexer_gradient_;

 private:
  train::AdamW main_optimizer_, indexer_optimizer_;
};

}  // namespace dsa::rl
