// The warm-up's loss: how far a layer's index scores are from its attention, and the gradient.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/batch.h"
#include "train/warmup/index_projections.h"
#include "train/warmup/key_panels.h"
#include "train/warmup/layer_loss.h"
#include "train/warmup/objective.h"

namespace dsa::train {

struct LossRequest {
  std::span<const std::int32_t> rows;  // sampled query positions, ascending, within the document
  TargetMix mix;
  std::int64_t recall_topk = 0;  // 0: recall is not measured
};

/// Computes block by block: never holds a score for every pair of tokens.  Results depend on the kernels,
/// never on the number of threads.  Not thread-safe.
class IndexerLoss {
 public:
  /// attention_heads and attention_groups of the model; its keys and queries have attention_dim numbers.
  struct Sizes {
    std::int64_t attention_heads = 0;
    std::int64_t attention_groups = 0;
    std::int64_t attention_dim = 0;
    std::int64_t max_context = 0;
    std::int64_t max_rows = 0;
  };
  /// `pairs`: scores of attention and of the indexer are products of what is rounded to BF16, as they are
  /// when a model runs; null: all in float32.
  IndexerLoss(const IndexerShape& shape, const Sizes& sizes, const RopeTable& rope, Exec& exec,
              const RowKernels& kernels, const PairKernels* pairs = nullptr);

  /// A layer of one whole document (positions 0 .. n), for the calls of layer() that follow.
  void read(const AttentionInputs& inputs);
  /// Its loss.  With a gradient (not null): writes d kl / d weights there.
  LayerLoss layer(const LayerTensors<const float>& weights, const LossRequest& request,
                  const LayerTensors<float>* gradient);

  /// What the last layer() projected, for tests.
  [[nodiscard]] IndexProjections& projections() { return projections_; }

 private:
  struct Block;
  void run_block(const Block& block);
  void make_target(const Block& block);
  void score(const Block& block);
  void finish_rows(const Block& block);
  void backward(const Block& block);
  [[nodiscard]] Recall recall_of(const Block& block, std::int64_t row, std::int64_t visible);

  Sizes sizes_;
  IndexerShape shape_;
  Exec& exec_;
  const RowKernels& kernels_;
  IndexProjections projections_;

  AttentionInputs inputs_;  // of the layer at hand
  KeyPanels attention_keys_, index_keys_;
  std::vector<float> key_partials_;  // gradients of the index keys [partials][max context, padded dim]
  struct Scratch {
    std::vector<float> queries;           // of the attention, scaled [heads, kBlockRows]
    std::vector<float> index_queries;     // [index heads, kBlockRows]
    std::vector<float> products;          // [kBlockRows, padded context or a tile]
    std::vector<float> target, largest;   // [kBlockRows, padded context]
    std::vector<float> scores;            // likewise; then their gradient
    std::vector<std::int32_t> selection;  // [max context]
    std::vector<std::byte> topk;
  };
  [[nodiscard]] float* index_queries(Scratch& scratch, std::int64_t head) const;
  std::vector<Scratch> scratch_;  // per thread
  std::vector<double> row_kl_;    // [rows]
  std::vector<Recall> row_recall_;
};

}  // namespace dsa::train
