// One document through the frozen model, every layer's indexer trained on the way.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "eval/loaded_model.h"
#include "train/indexer_loss.h"

namespace dsa::train {

/// The indexer that `config` can be given: heads x dim, half of each head rotated, in every layer.  Throws
/// Error if the model is none that an indexer folder can be made for.
IndexerShape indexer_shape(const ModelFiles& files, std::int64_t heads, std::int64_t dim);

/// The loss and its gradient for one document after the other.  The model runs densely, with its own kernels;
/// its weights are only read.
class DocumentPass {
 public:
  /// `model` must take max_context tokens in one pass (ModelOptions::chunk) and outlive this.
  DocumentPass(LoadedModel& model, const IndexerShape& shape, std::int64_t max_context,
               std::int64_t max_rows);
  ~DocumentPass();
  DocumentPass(const DocumentPass&) = delete;
  DocumentPass& operator=(const DocumentPass&) = delete;

  /// Losses by layer; with a gradient (not null) writes all of it.  False if cancelled: then both are of no
  /// use. Throws Error if the model gives a NaN.
  bool run(std::span<const std::int32_t> tokens, const LossRequest& request, const IndexerTensors& parameters,
           IndexerTensors* gradient, const std::atomic<bool>& cancel);

  [[nodiscard]] std::span<const LayerLoss> losses() const { return losses_; }

 private:
  void on_layer(std::int64_t layer, const AttentionInputs& inputs);

  LoadedModel& model_;
  RopeTable rope_;
  IndexerLoss loss_;
  std::vector<LayerLoss> losses_;
  // Of the run at hand.
  const LossRequest* request_ = nullptr;
  const IndexerTensors* parameters_ = nullptr;
  IndexerTensors* gradient_ = nullptr;
};

/// KL and recall over the layers.
struct PassSummary {
  double kl = 0;           // mean over the layers
  double recall = 0;       // mean share of the attention that the indexers' selections keep
  double best = 0;         // the same of the best possible selections
  double worst_layer = 1;  // the lowest recall / best of a layer
  bool has_recall = false;
};
PassSummary summarize(std::span<const LayerLoss> losses);

}  // namespace dsa::train
