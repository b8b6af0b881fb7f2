// A model that learns from episodes: its weights, what their gradients are for any loss of single tokens, its
// optimizers, and itself as a model that our engine runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/opened_model.h"
#include "rl/train/trace.h"
#include "train/loop/adamw.h"
#include "train/pretrain/mla_model.h"
#include "train/sparse/joint_gradients.h"
#include "train/sparse/weights_checkpoint.h"

namespace dsa::rl {

class Policy {
 public:
  struct Options {
    std::int64_t context = 0;        // tokens of a sequence, at most
    std::int64_t run_tokens = 4096;  // of sequences that are computed side by side, about
    train::Products products = train::Products::f32;
  };
  /// Random weights, to be read or restored.  `config` and `exec` must outlive it.
  Policy(const ModelConfig& config, const Options& options, Exec& exec);

  /// Takes the weights of a checkpoint.  Throws Error if one is missing or has another shape.
  void read(const TensorSource& source);
  /// Goes on from a training's checkpoint in `folder`; its weights are handed over.  Throws Error.
  void restore(train::WeightsCheckpoint& checkpoint, const std::filesystem::path& folder);

  [[nodiscard]] train::FlatTensors& weights() { return weights_; }
  [[nodiscard]] train::IndexerTensors& indexer() { return indexer_; }
  [[nodiscard]] const train::FlatTensors& gradient() const { return gradient_; }
  [[nodiscard]] train::OptimizerStates optimizers() const {
    return {.main = main_optimizer_.state(), .indexer = indexer_optimizer_.state()};
  }
  /// A copy of the weights as they are, F32, to be run.
  [[nodiscard]] OpenedModel snapshot(const std::filesystem::path& path) const;

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
  std::optional<Result> run(const Request& request, const std::atomic<bool>& cancel);

  /// What the indexers' selections keep of dense attention over these sequences, of those that are longer
  /// than a selection.  nullopt: cancelled.
  std::optional<train::IndexerRecord> watch_indexers(std::span<const Sequence> sequences,
                                                     const std::atomic<bool>& cancel);

  struct Rates {
    double main = 0, indexer = 0;  // 0: not trained
    double clip = 1;
  };
  /// A step along the last run's gradients.  Throws Error at the first that is not finite.
  train::GradientNorms update(const Rates& rates);

 private:
  /// Sequences that are computed side by side, filled up to one length.
  struct Part {
    std::vector<std::size_t> sequences;
    std::int64_t context = 0;
  };
  /// A part as a run takes it.
  struct Filled {
    std::vector<std::int32_t> tokens, trained;
    std::vector<std::int64_t> lengths;
    std::vector<std::vector<std::int32_t>> kept;  // one a trained token, or none at all
  };
  [[nodiscard]] static Filled filled(std::span<const Sequence> sequences, const Part& part);
  [[nodiscard]] std::vector<Part> parts(std::span<const Sequence> sequences) const;
  [[nodiscard]] train::MlaModel::Replay replay(const Request& request, const Part& part) const;
  bool run_part(const Request& request, const Part& part, bool first, Result& result,
                const std::atomic<bool>& cancel);

  const ModelConfig& config_;
  Options options_;
  Exec& exec_;
  std::int64_t batch_;  // sequences of a part
  train::FlatTensors weights_, gradient_;
  train::IndexerTensors indexer_, indexer_gradient_;
  train::MlaModel model_;
  train::AdamW main_optimizer_, indexer_optimizer_;
};

}  // namespace dsa::rl
