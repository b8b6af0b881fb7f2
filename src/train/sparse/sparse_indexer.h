// A layer's indexer in the sparse stage: it selects, attention runs over the selection, and what attention
// did there is what it learns from.
//   loss = mean over rows of KL(p_t || softmax over S_t of I_t)     p: the heads' mean attention over S_t
// (DeepSeek-V3.2, section 2.1).  Selection and input are constants of the loss,
// so it moves the indexer alone.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/registry.h"
#include "train/sparse/selected_attention.h"
#include "train/warmup/index_projections.h"

namespace dsa::train {

/// One object serves all layers, one after the other.  Not thread-safe.
class SparseIndexer {
 public:
  /// `topk`: most tokens that a layer selects.
  SparseIndexer(const IndexerShape& shape, const RopeTable& rope, std::int64_t max_context, std::int64_t topk,
                Exec& exec, const KernelTable& kernels);

  /// Selects for every row of h [n, hidden], the layer's normed hidden state, with the kernels that the model
  /// runs with --compute f32.  latent [n, q_lora_rank]: the query latent where the shape has one.  As many
  /// tokens as out.topk says; 0: the most.
  void select(const LayerTensors<const float>& weights, TensorView<const float, 2> h, Selection& out,
              TensorView<const float, 2> latent = {});

  /// The loss in nats after a select() with the same weights and h.  mean_attention [n, topk] comes from
  /// SelectedAttention.  Writes the gradient if it is not null.
  double loss(const LayerTensors<const float>& weights, TensorView<const float, 2> h,
              const Selection& selection, TensorView<const float, 2> mean_attention,
              const LayerTensors<float>* gradient);

 private:
  struct Scratch {
    std::vector<float> products;  // [heads, topk]
    std::vector<float> scores;    // [topk]
  };
  void turn_keys(std::int64_t n);
  double row_loss(const Selection& selection, std::int64_t t, const float* target, float grad_scale,
                  float* key_gradient, Scratch& scratch);

  IndexerShape shape_;
  std::int64_t topk_ = 0;
  Exec& exec_;
  const KernelTable& kernels_;
  const RowKernels& rows_;
  IndexProjections projections_;
  std::vector<std::int32_t> positions_, pages_;
  std::vector<KvRow> kv_rows_;
  std::vector<std::byte> select_scratch_;
  std::vector<Scratch> scratch_;    // by thread
  std::vector<float> partials_;     // gradients of the keys [parts][max_context, padded dim]
  std::vector<float> turned_keys_;  // [pages, padded dim, 64]
  std::vector<double> row_kl_;
};

}  // namespace dsa::train
