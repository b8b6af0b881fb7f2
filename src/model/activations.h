// Scratch of a forward pass, sized once: a decode step allocates nothing.
#pragma once

#include <cstdint>
#include <span>

#include "checkpoint/model_config.h"
#include "kernels/types.h"
#include "tensor/buffer.h"

namespace dsa {

/// Every intermediate of one layer, for up to max_tokens() rows, shared by all layers.
/// Names are the reference's.  Empty views where the model has no such part.
/// Contents live until the next layer writes them.
struct ActivationViews {
  TensorView<float, 2> x;              // residual stream [n, hidden]
  TensorView<float, 2> h;              // normed input of attention or MLP [n, hidden]
  TensorView<float, 2> delta;          // output of attention or MLP [n, hidden]
  TensorView<float, 2> cos_sin;        // [n, rope dim]
  TensorView<float, 2> index_cos_sin;  // [n, indexer rope dim]

  TensorView<float, 2> q;    // [n, heads * (nope + rope)] or [n, heads * head_dim]
  TensorView<float, 2> qr;   // query latent [n, q_lora_rank]
  TensorView<float, 2> kv;   // MLA: [n, kv_lora_rank + rope]; GQA: keys [n, kv_heads * head_dim]
  TensorView<float, 2> v;    // GQA: values [n, kv_heads * head_dim]
  TensorView<float, 2> q_c;  // MLA: absorbed queries [n, heads * rank]
  TensorView<float, 2> o_c;  // attention output [n, heads * rank]
  TensorView<float, 2> o;    // MLA: per-head values [n, heads * v_head_dim]

  TensorView<float, 2> index_q;       // [n, index heads * dim]
  TensorView<float, 2> index_k;       // [n, dim]
  TensorView<float, 2> index_w;       // [n, index heads]
  TensorView<std::int32_t, 2> idx;    // [n, topk]: of the last layer with an indexer of its own
  std::span<std::int32_t> idx_count;  // [n]

  TensorView<float, 2> gate;  // [n, widest MLP]
  TensorView<float, 2> up;
  TensorView<float, 2> router_logits;      // [n, experts]
  TensorView<std::int32_t, 2> expert_ids;  // [n, experts per token]
  TensorView<float, 2> expert_weights;
  TensorView<float, 2> expert_x;  // rows gathered for one expert [n, hidden]
  TensorView<float, 2> expert_y;
  std::span<std::int32_t> expert_rows;   // [n * experts per token]: tokens sorted by expert
  std::span<float> expert_scale;         // likewise their weights
  std::span<std::int32_t> expert_start;  // [experts + 1]

  TensorView<float, 2> last;  // rows that want logits, normed [n, hidden]

  std::span<std::byte> linear_scratch;
  std::span<std::byte> attention_scratch;
  std::span<std::byte> indexer_scratch;
};

struct ActivationSizes {
  std::int64_t max_tokens = 1;
  std::int64_t max_context = 1;
  std::int64_t topk = 0;  // of the layer that selects most
  int threads = 1;
};

/// Owns the memory behind the views.
class Activations : public ActivationViews {
 public:
  Activations(const ModelConfig& config, const ActivationSizes& sizes);

  /// What the constructor would take.
  static std::size_t bytes(const ModelConfig& config, const ActivationSizes& sizes);
  /// Of that, what depends on context and threads alone, however few the rows.
  static std::size_t fixed_bytes(const ModelConfig& config, const ActivationSizes& sizes);

 private:
  Buffer memory_;
};

}  // namespace dsa
