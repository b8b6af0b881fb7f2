#include "model/activations.h"

#include <algorithm>

#include "kernels/attention.h"
#include "kernels/indexer.h"
#include "kernels/linear.h"

namespace dsa {
namespace {

std::int64_t widest_mlp(const ModelConfig& c) {
  return c.moe ? std::max(c.intermediate_size,
                          c.moe->moe_intermediate_size * std::max<std::int64_t>(c.moe->n_shared_experts, 1))
               : c.intermediate_size;
}

std::int64_t widest_linear_input(const ModelConfig& c) {
  std::int64_t widest = std::max(c.hidden_size, widest_mlp(c));
  widest = std::max(widest, c.num_attention_heads * (c.mla ? c.mla->v_head_dim : c.head_dim));
  if (c.mla) widest = std::max(widest, c.mla->q_lora_rank);
  return widest;
}

// Lays the tensors out one after the other: first only to add up the bytes, then for real.
class Layout {
 public:
  explicit Layout(std::byte* base) : base_(base) {}

  template <class T>
  std::span<T> take(std::int64_t count) {
    const std::size_t begin = used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return base_ == nullptr
               ? std::span<T>{}
               : std::span<T>{reinterpret_cast<T*>(base_ + begin), static_cast<std::size_t>(count)};
  }
  template <class T>
  TensorView<T, 2> take(std::int64_t rows, std::int64_t cols) {
    const auto elements = take<T>(rows * cols);
    return {elements.data(), {rows, cols}};
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::byte* base_;
  std::size_t used_ = 0;
};

void place(ActivationViews& a, const ModelConfig& c, const ActivationSizes& s, Layout& layout) {
  const auto matrix = [&](std::int64_t cols) { return layout.take<float>(s.max_tokens, cols); };
  const std::int64_t heads = c.num_attention_heads;
  a.x = matrix(c.hidden_size);
  a.h = matrix(c.hidden_size);
  a.delta = matrix(c.hidden_size);
  a.last = matrix(c.hidden_size);

  std::int64_t rank = c.head_dim, rope_dim = c.head_dim;
  if (c.mla) {
    const MlaConfig& m = *c.mla;
    rank = m.kv_lora_rank;
    rope_dim = m.qk_rope_head_dim;
    a.q = matrix(heads * (m.qk_nope_head_dim + m.qk_rope_head_dim));
    if (m.q_lora_rank > 0) a.qr = matrix(m.q_lora_rank);
    a.kv = matrix(rank + rope_dim);
    a.q_c = matrix(heads * rank);
    a.o = matrix(heads * m.v_head_dim);
  } else {
    a.q = matrix(heads * c.head_dim);
    a.kv = matrix(c.num_key_value_heads * c.head_dim);
    a.v = matrix(c.num_key_value_heads * c.head_dim);
  }
  a.o_c = matrix(heads * rank);
  a.cos_sin = matrix(rope_dim);

  if (c.indexer) {
    a.index_cos_sin = matrix(c.indexer->rope_head_dim);
    a.index_q = matrix(c.indexer->n_heads * c.indexer->head_dim);
    a.index_k = matrix(c.indexer->head_dim);
    a.index_w = matrix(c.indexer->n_heads);
    a.idx = layout.take<std::int32_t>(s.max_tokens, s.topk);
    a.idx_count = layout.take<std::int32_t>(s.max_tokens);
    a.indexer_scratch =
        layout.take<std::byte>(static_cast<std::int64_t>(indexer_scratch_bytes(s.threads, s.max_context)));
  }

  a.gate = matrix(widest_mlp(c));
  a.up = matrix(widest_mlp(c));
  if (c.moe) {
    const std::int64_t pairs = s.max_tokens * c.moe->num_experts_per_tok;
    a.router_logits = matrix(c.moe->n_routed_experts);
    a.expert_ids = layout.take<std::int32_t>(s.max_tokens, c.moe->num_experts_per_tok);
    a.expert_weights = matrix(c.moe->num_experts_per_tok);
    a.expert_x = matrix(c.hidden_size);
    a.expert_y = matrix(c.hidden_size);
    a.expert_rows = layout.take<std::int32_t>(pairs);
    a.expert_scale = layout.take<float>(pairs);
    a.expert_start = layout.take<std::int32_t>(c.moe->n_routed_experts + 1);
  }
  a.linear_scratch = layout.take<std::byte>(
      static_cast<std::int64_t>(linear_scratch_bytes(s.max_tokens, widest_linear_input(c))));
  a.attention_scratch = layout.take<std::byte>(static_cast<std::int64_t>(
      attention_scratch_bytes(s.threads, s.max_tokens, heads, rank, rope_dim, s.max_context)));
}

}  // namespace

Activations::Activations(const ModelConfig& config, const ActivationSizes& sizes)
    : memory_(bytes(config, sizes), "activations (lower `context`)") {
  Layout layout(memory_.data());
  place(*this, config, sizes, layout);
}

std::size_t Activations::bytes(const ModelConfig& config, const ActivationSizes& sizes) {
  Layout measure(nullptr);
  ActivationViews nothing;
  place(nothing, config, sizes, measure);
  return measure.used();
}

std::size_t Activations::fixed_bytes(const ModelConfig& config, const ActivationSizes& sizes) {
  const std::int64_t rank = config.mla ? config.mla->kv_lora_rank : config.head_dim;
  const std::int64_t rope_dim = config.mla ? config.mla->qk_rope_head_dim : config.head_dim;
  return (config.indexer ? indexer_scratch_bytes(sizes.threads, sizes.max_context) : 0) +
         attention_scratch_bytes(sizes.threads, sizes.max_tokens, config.num_attention_heads, rank, rope_dim,
                                 sizes.max_context);
}

}  // namespace dsa
