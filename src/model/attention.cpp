#include "model/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/rope_table.h"

namespace dsa {
namespace {

// At most six outputs share an input: a small list on the stack.
struct Outputs {
  std::array<LinearOutput, 6> items;
  std::size_t count = 0;
  void add(LinearOutput item) { items[count++] = item; }
  [[nodiscard]] std::span<const LinearOutput> span() const { return {items.data(), count}; }
};

}  // namespace

Attention::Attention(const LayerWeights& weights, const KvView& kv, std::int64_t layer)
    : weights_(weights), kv_(kv), layer_(layer) {
  if (weights.indexer) indexer_.emplace(*weights.indexer);
}

void Attention::attend(const Step& step) const {
  const AttentionInputs in = weights_.mla ? project_mla(step) : project_gqa(step);
  write_cache(step, in);
  if (step.hooks.attention_inputs) step.hooks.attention_inputs(layer_, in);
  // While everything is selected anyway the keys are written and nothing is scored.  A layer that shares an
  // earlier layer's selection finds it in act.idx.
  if (!step.plan.selecting().empty() && indexer_) indexer_->select(step, layer_, kv_);
  for (const RowGroup& group : step.plan.attending()) attend_rows(step, in, group);
}

void Attention::project_back(const Step& step) const {
  const auto values = weights_.mla ? expand_values(step) : step.of(step.act.o_c);
  step.linear(values, std::array{output(weights_.o_proj, step.of(step.act.delta))});
}

AttentionInputs Attention::project_gqa(const Step& step) const {
  const GqaWeights& w = *weights_.gqa;
  const ModelConfig& c = step.config;
  const auto q = step.of(step.act.q), k = step.of(step.act.kv), v = step.of(step.act.v),
             h = step.of(step.act.h);
  Outputs outputs;
  for (const auto& item : {output(w.q_proj, q), output(w.k_proj, k), output(w.v_proj, v)}) outputs.add(item);
  if (indexer_)
    for (const auto& item : {indexer_->query(step), indexer_->key(step), indexer_->head_weights(step)})
      outputs.add(item);
  step.linear(h, outputs.span());
  if (indexer_) indexer_->finish(step, /*like_demo=*/false);

  const auto heads = split_heads(q, c.num_attention_heads), kv_heads = split_heads(k, c.num_key_value_heads);
  if (c.qk_norm) {
    // Each head is a row of its own: q and k are contiguous.
    const auto per_head = [&](const TensorView<float, 2>& x) {
      return TensorView<float, 2>(x.data(), {x.size() / c.head_dim, c.head_dim});
    };
    step.rms_norm(per_head(q), w.q_norm, per_head(q));
    step.rms_norm(per_head(k), w.k_norm, per_head(k));
  }
  for (const auto& x : {heads, kv_heads})
    step.kernels.rope(
        step.exec,
        {.x = x, .dim = c.head_dim, .layout = RopeLayout::half_split, .cos_sin = step.of(step.act.cos_sin)});

  AttentionInputs in = inputs(step);
  in.q_pe = heads;
  in.c = split_heads(v, c.num_key_value_heads);
  in.k_pe = kv_heads;
  return in;
}

AttentionInputs Attention::project_mla(const Step& step) const {
  const MlaWeights& w = *weights_.mla;
  const ModelConfig& c = step.config;
  const MlaConfig& m = *c.mla;
  const bool latent = m.q_lora_rank > 0;
  const auto q = step.of(step.act.q), kv = step.of(step.act.kv), h = step.of(step.act.h);

  Outputs from_hidden;
  from_hidden.add(latent ? output(w.q_a_proj, step.of(step.act.qr)) : output(w.q_proj, q));
  from_hidden.add(output(w.kv_a_proj_with_mqa, kv));
  if (indexer_) {
    from_hidden.add(indexer_->key(step));
    from_hidden.add(indexer_->head_weights(step));
  }
  step.linear(h, from_hidden.span());

  if (latent) {
    const auto qr = step.of(step.act.qr);
    step.latent_norm(qr, w.q_a_layernorm);
    Outputs from_latent;
    from_latent.add(output(w.q_b_proj, q));
    if (indexer_) from_latent.add(indexer_->query(step));
    step.linear(qr, from_latent.span());
  } else if (indexer_) {
    step.linear(h, std::array{indexer_->query(step)});
  }
  if (indexer_) indexer_->finish(step, rounds_like_demo(step));

  // The latent is normed, the rotary key beside it is not; of a query head the last part is rotated.
  const auto c_kv = columns(kv, 0, m.kv_lora_rank);
  step.latent_norm(c_kv, w.kv_a_layernorm);
  if (rounds_like_demo(step)) step.kernels.round_latents(step.exec, {.x = c_kv});
  const auto layout = m.rope_interleave ? RopeLayout::interleaved : RopeLayout::half_split;
  const auto heads = split_heads(q, c.num_attention_heads);
  const auto q_pe = columns(heads, m.qk_nope_head_dim, m.qk_rope_head_dim);
  const auto k_pe = columns(split_heads(kv, 1), m.kv_lora_rank, m.qk_rope_head_dim);
  for (const auto& x : {q_pe, k_pe})
    step.kernels.rope(
        step.exec,
        {.x = x, .dim = m.qk_rope_head_dim, .layout = layout, .cos_sin = step.of(step.act.cos_sin)});

  AttentionInputs in = inputs(step);
  const auto q_c = split_heads(step.of(step.act.q_c), c.num_attention_heads);
  step.kernels.absorb_query(step.exec, {.q = columns(heads, 0, m.qk_nope_head_dim),
                                        .kv_b = w.kv_b_proj.weight,
                                        .head_rows = m.qk_nope_head_dim + m.v_head_dim,
                                        .out = q_c,
                                        .compute = step.compute});
  in.q_c = q_c;
  in.q_pe = q_pe;
  in.c = split_heads(c_kv, 1);
  in.k_pe = k_pe;
  return in;
}

// All but the queries and entries themselves.
AttentionInputs Attention::inputs(const Step& step) const {
  AttentionInputs in{.h = step.of(step.act.h),
                     .q_c = {},
                     .q_pe = {},
                     .c = {},
                     .k_pe = {},
                     .scale = attention_scale(step.config),
                     .rows = step.rows,
                     .index_q = {},
                     .index_w = {}};
  if (!indexer_) return in;
  in.index_q = split_heads(step.of(step.act.index_q), step.config.indexer->n_heads);
  in.index_w = step.of(step.act.index_w);
  in.index_k = step.of(step.act.index_k);
  return in;
}

void Attention::write_cache(const Step& step, const AttentionInputs& in) const {
  step.kernels.cache_write(step.exec,
                           {.c = in.c, .k_pe = in.k_pe, .key = in.index_k, .kv = kv_, .rows = step.rows});
}

void Attention::attend_rows(const Step& step, const AttentionInputs& in, const RowGroup& group) const {
  const auto [first, count, topk] = group;
  const auto begin = static_cast<std::size_t>(first), rows = static_cast<std::size_t>(count);
  AttentionArgs args{.q_c = {},
                     .q_pe = in.q_pe.slice(first, count),
                     .kv = kv_,
                     .rows = in.rows.subspan(begin, rows),
                     .idx = {},
                     .count = {},
                     .scale = in.scale,
                     .compute = step.compute,
                     .out = split_heads(step.act.o_c.slice(first, count), step.config.num_attention_heads),
                     .scratch = step.act.attention_scratch};
  if (!in.q_c.empty()) args.q_c = in.q_c.slice(first, count);
  if (topk > 0) {
    args.idx = step.act.idx.slice(first, count);
    args.count = step.act.idx_count.subspan(begin, rows);
  }
  step.kernels.attention(step.exec, args);
}

TensorView<float, 2> Attention::expand_values(const Step& step) const {
  const MlaConfig& m = *step.config.mla;
  const std::int64_t heads = step.config.num_attention_heads;
  const auto values = step.of(step.act.o);
  step.kernels.expand_value(step.exec, {.o = split_heads(step.of(step.act.o_c), heads),
                                        .kv_b = weights_.mla->kv_b_proj.weight,
                                        .head_rows = m.qk_nope_head_dim + m.v_head_dim,
                                        .out = split_heads(values, heads),
                                        .compute = step.compute});
  return values;
}

// The demo rounds latents and indexer vectors to FP8 "to simulate the precision" its checkpoints are served
// with.  What counts is the stored type: BF16 re-exports often keep the quantization_config.
bool Attention::rounds_like_demo(const Step& step) const {
  return step.compute == Compute::demo && weights_.mla->kv_a_proj_with_mqa.weight.type == DType::f8_e4m3;
}

float attention_scale(const ModelConfig& config) {
  if (!config.mla) return 1.0F / std::sqrt(static_cast<float>(config.head_dim));
  const auto dim = static_cast<double>(config.mla->qk_nope_head_dim + config.mla->qk_rope_head_dim);
  double scale = 1.0 / std::sqrt(dim);
  // Always, also for short prompts (the demo ties it to a buffer size; transformers does not).
  if (config.rope.type == RopeConfig::Type::yarn && config.rope.mscale_all_dim != 0) {
    const double m = yarn_mscale(config.rope.factor, config.rope.mscale_all_dim);
    scale *= m * m;
  }
  return static_cast<float>(scale);
}

}  // namespace dsa
