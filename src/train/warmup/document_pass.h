// One document through the frozen model, every layer's indexer trained on the way.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/sequence_pass.h"
#include "train/loop/products.h"
#include "train/warmup/indexer_loss.h"

namespace dsa::train {

/// The indexer that `config` can be given: heads x dim, half of each head rotated, in every layer.  Throws
/// Error if the model is none that an indexer folder can be made for.
IndexerShape indexer_shape(const ModelFiles& files, std::int64_t heads, std::int64_t dim);

/// What a pass does beside measuring the loss.
struct PassTraining {
  /// Every layer's gradient is written to its place here.
  IndexerTensors& gradient;
  /// The rows are dealt out to so many parts; a layer's loss is computed for one after the other.
  std::int64_t updates = 1;
  /// Called after each: may change the layer's parameters, which the next part then sees.
  std::function<void(std::int64_t layer)> update;
};

/// The loss and its gradient for one document after the other.  The model runs densely, with its own kernels;
/// its weights are only read.
class DocumentPass {
 public:
  /// `model` must take max_context tokens in one pass (LoadOptions::chunk) and outlive this.  `products`: of
  /// which scores are made; bf16 only where the model's kernels multiply it.
  DocumentPass(LoadedModel& model, const IndexerShape& shape, std::int64_t max_context, std::int64_t max_rows,
               Products products);
  ~DocumentPass();
  DocumentPass(const DocumentPass&) = delete;
  DocumentPass& operator=(const DocumentPass&) = delete;

  /// Losses by layer, over all rows; `training` may be null.  False if cancelled: some layers are updated
  /// then, others not.  Throws Error if the model gives a NaN.
  bool run(std::span<const std::int32_t> tokens, const LossRequest& request, const IndexerTensors& parameters,
           const PassTraining* training, const std::atomic<bool>& cancel);

  [[nodiscard]] std::span<const LayerLoss> losses() const { return losses_; }

 private:
  void on_layer(std::int64_t layer, const AttentionInputs& inputs);
  [[nodiscard]] std::span<const std::int32_t> rows_of_part(std::int64_t part);

  SequencePass pass_;
  RopeTable rope_;
  IndexerLoss loss_;
  std::vector<LayerLoss> losses_;
  // Of the run at hand.
  const LossRequest* request_ = nullptr;
  const IndexerTensors* parameters_ = nullptr;
  const PassTraining* training_ = nullptr;
  std::vector<std::int32_t> part_rows_;
};

}  // namespace dsa::train
