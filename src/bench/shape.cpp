#include "bench/shape.h"

#include "base/numeric.h"
#include "model/kv_cache.h"
#include "model/transformer.h"

namespace dsa {
namespace {

ModelShape frame_of(const ModelConfig& c, Compute compute) {
  ModelShape out{.compute = compute, .hidden = c.hidden_size, .heads = c.num_attention_heads};
  out.score_dim = c.mla ? c.mla->kv_lora_rank + c.mla->qk_rope_head_dim : c.head_dim;
  if (c.indexer) {
    out.index_elements = c.indexer->n_heads * c.indexer->head_dim;
    out.layer_topk = c.indexer->layer_topk;
    out.topk = c.indexer->topk;
  }
  if (c.moe) {
    out.experts = c.moe->n_routed_experts;
    out.experts_chosen = c.moe->num_experts_per_tok;
  }
  return out;
}

class Loaded {
 public:
  explicit Loaded(const KernelTable& kernels) : kernels_(kernels) {}

  [[nodiscard]] MatrixShape matrix(const Linear& l) const {
    const WeightView& w = l.weight;
    const std::size_t packed = w.packed != nullptr ? kernels_.packed_bytes(w) : 0;
    return {.type = w.type,
            .rows = w.rows,
            .cols = w.cols,
            .bytes = static_cast<double>(packed > 0 ? packed : w.row_bytes * usize(w.rows))};
  }
  [[nodiscard]] LayerShape layer(const LayerWeights& w) const {
    LayerShape out;
    if (w.gqa) add(out.matrices, {&w.gqa->q_proj, &w.gqa->k_proj, &w.gqa->v_proj});
    if (w.mla)
      add(out.matrices, {&w.mla->q_proj, &w.mla->q_a_proj, &w.mla->q_b_proj, &w.mla->kv_a_proj_with_mqa,
                         &w.mla->kv_b_proj});
    add(out.matrices, {&w.o_proj});
    if (w.indexer) add(out.matrices, {&w.indexer->wq, &w.indexer->wk, &w.indexer->weights_proj});
    if (w.mlp) mlp(out.matrices, *w.mlp);
    if (!w.moe) return out;
    add(out.matrices, {&w.moe->gate});
    if (w.moe->shared_experts) mlp(out.matrices, *w.moe->shared_experts);
    mlp(out.expert, w.moe->experts.front());
    return out;
  }

 private:
  void mlp(std::vector<MatrixShape>& out, const MlpWeights& w) const {
    add(out, {&w.gate_proj, &w.up_proj, &w.down_proj});
  }
  void add(std::vector<MatrixShape>& out, std::initializer_list<const Linear*> linears) const {
    for (const Linear* l : linears)
      if (!l->weight.empty()) out.push_back(matrix(*l));
  }

  const KernelTable& kernels_;
};

// The same matrices by their published dimensions (model/weights.cpp binds them).
class Configured {
 public:
  Configured(const ModelConfig& config, DType stored)
      : c_(config), stored_(stored), kept_(stored == DType::f8_e4m3 ? DType::bf16 : stored) {}

  [[nodiscard]] MatrixShape head() const { return matrix(kept_, c_.vocab_size, c_.hidden_size); }
  [[nodiscard]] LayerShape layer(std::int64_t index) const {
    LayerShape out;
    c_.mla ? mla(out.matrices) : gqa(out.matrices);
    if (c_.indexer && c_.indexer->full[usize(index)]) indexer(out.matrices);
    if (!c_.is_moe_layer(index)) {
      mlp(out.matrices, c_.intermediate_size);
      return out;
    }
    const MoeConfig& m = *c_.moe;
    out.matrices.push_back(matrix(kept_, m.n_routed_experts, c_.hidden_size));
    if (m.n_shared_experts > 0) mlp(out.matrices, m.moe_intermediate_size * m.n_shared_experts);
    mlp(out.expert, m.moe_intermediate_size);
    return out;
  }

 private:
  using Matrices = std::vector<MatrixShape>;

  [[nodiscard]] static MatrixShape matrix(DType type, std::int64_t rows, std::int64_t cols) {
    const double blocks = static_cast<double>(rows) * static_cast<double>(cols) /
                          static_cast<double>(traits(type).block_elements);
    return {.type = type,
            .rows = rows,
            .cols = cols,
            .bytes = blocks * static_cast<double>(traits(type).block_bytes)};
  }
  void add(Matrices& out, std::int64_t rows, std::int64_t cols) const {
    out.push_back(matrix(stored_, rows, cols));
  }
  void mlp(Matrices& out, std::int64_t width) const {
    add(out, width, c_.hidden_size);
    add(out, width, c_.hidden_size);
    add(out, c_.hidden_size, width);
  }
  void gqa(Matrices& out) const {
    const std::int64_t q = c_.num_attention_heads * c_.head_dim, kv = c_.num_key_value_heads * c_.head_dim;
    add(out, q, c_.hidden_size);
    add(out, kv, c_.hidden_size);
    add(out, kv, c_.hidden_size);
    add(out, c_.hidden_size, q);
  }
  void mla(Matrices& out) const {
    const MlaConfig& m = *c_.mla;
    const std::int64_t q = c_.num_attention_heads * (m.qk_nope_head_dim + m.qk_rope_head_dim);
    if (m.q_lora_rank > 0) add(out, m.q_lora_rank, c_.hidden_size);
    add(out, q, m.q_lora_rank > 0 ? m.q_lora_rank : c_.hidden_size);
    add(out, m.kv_lora_rank + m.qk_rope_head_dim, c_.hidden_size);
    add(out, c_.num_attention_heads * (m.qk_nope_head_dim + m.v_head_dim), m.kv_lora_rank);
    add(out, c_.hidden_size, c_.num_attention_heads * m.v_head_dim);
  }
  void indexer(Matrices& out) const {
    const IndexerConfig& i = *c_.indexer;
    const bool latent = c_.mla && c_.mla->q_lora_rank > 0;
    add(out, i.n_heads * i.head_dim, latent ? c_.mla->q_lora_rank : c_.hidden_size);
    add(out, i.head_dim, c_.hidden_size);
    out.push_back(matrix(kept_, i.n_heads, c_.hidden_size));
  }

  const ModelConfig& c_;
  DType stored_, kept_;
};

double bytes_of(const std::vector<MatrixShape>& matrices) {
  double bytes = 0;
  for (const MatrixShape& m : matrices) bytes += m.bytes;
  return bytes;
}

}  // namespace

ModelShape shape_of(const Transformer& model) {
  ModelShape out = frame_of(model.config(), model.compute());
  const Loaded loaded(model.kernels());
  for (std::size_t i = 0; i < model.weights().layers.size(); ++i) {
    out.layers.push_back(loaded.layer(model.weights().layers[i]));
    out.layers.back().cache = model.cache().layer(static_cast<std::int64_t>(i)).layout;
  }
  out.head = loaded.matrix(model.weights().lm_head);
  return out;
}

ModelShape shape_of(const ModelConfig& config, DType stored, Compute compute) {
  ModelShape out = frame_of(config, compute);
  const Configured configured(config, stored);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    out.layers.push_back(configured.layer(i));
    out.layers.back().cache = kv_layout(config, i, compute);
  }
  out.head = configured.head();
  return out;
}

double expert_bytes(const ModelShape& shape) {
  double bytes = 0;
  for (const LayerShape& layer : shape.layers) bytes += bytes_of(layer.expert);
  return bytes * static_cast<double>(shape.experts);
}

double other_bytes(const ModelShape& shape) {
  double bytes = shape.head.bytes;
  for (const LayerShape& layer : shape.layers) bytes += bytes_of(layer.matrices);
  return bytes;
}

double token_bytes(const ModelShape& shape) {
  double bytes = 0;
  for (const LayerShape& layer : shape.layers) bytes += static_cast<double>(layer.cache.token_bytes());
  return bytes;
}

}  // namespace dsa
