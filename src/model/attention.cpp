#include "model/attention.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/quantize.h"
#include "model/rope_table.h"

namespace dsa {
namespace {

// At most four outputs share an input: a small list on the stack.
struct Outputs {
  std::array<LinearOutput, 4> items;
  std::size_t count = 0;
  void add(LinearOutput item) { items[count++] = item; }
  [[nodiscard]] std::span<const LinearOutput> span() const { return {items.data(), count}; }
};

}  // namespace

void Attention::forward(const Step& step) const {
  if (weights_.mla)
    project_mla(step);
  else
    project_gqa(step);
  write_cache(step);
  if (step.hooks.attention_inputs) show_inputs(step);
  attend(step);
  output_projection(step);
}

void Attention::project_gqa(const Step& step) const {
  const GqaWeights& w = *weights_.gqa;
  const ModelConfig& c = step.config;
  const auto q = step.of(step.act.q), k = step.of(step.act.kv), v = step.of(step.act.v),
             h = step.of(step.act.h);
  Outputs outputs;
  for (const auto& item : {output(w.q_proj, q), output(w.k_proj, k), output(w.v_proj, v)}) outputs.add(item);
  step.linear(h, outputs.span());

  if (weights_.indexer) {
    const Indexer indexer(*weights_.indexer);
    step.linear(h, std::array{indexer.query(step), indexer.key(step), indexer.head_weights(step)});
    indexer.finish(step, /*like_demo=*/false);
  }

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
}

void Attention::project_mla(const Step& step) const {
  const MlaWeights& w = *weights_.mla;
  const ModelConfig& c = step.config;
  const MlaConfig& m = *c.mla;
  const bool indexed = weights_.indexer.has_value(), latent = m.q_lora_rank > 0;
  const auto q = step.of(step.act.q), kv = step.of(step.act.kv), h = step.of(step.act.h);
  const std::optional<Indexer> indexer = indexed ? std::optional<Indexer>(*weights_.indexer) : std::nullopt;

  Outputs from_hidden;
  from_hidden.add(latent ? output(w.q_a_proj, step.of(step.act.qr)) : output(w.q_proj, q));
  from_hidden.add(output(w.kv_a_proj_with_mqa, kv));
  if (indexed) {
    from_hidden.add(indexer->key(step));
    from_hidden.add(indexer->head_weights(step));
  }
  step.linear(h, from_hidden.span());

  if (latent) {
    const auto qr = step.of(step.act.qr);
    step.latent_norm(qr, w.q_a_layernorm);
    Outputs from_latent;
    from_latent.add(output(w.q_b_proj, q));
    if (indexed) from_latent.add(indexer->query(step));
    step.linear(qr, from_latent.span());
  } else if (indexed) {
    step.linear(h, std::array{indexer->query(step)});
  }
  if (indexed) indexer->finish(step, rounds_like_demo(step));

  // The latent is normed, the rotary key beside it is not; of a query head the last part is rotated.
  const auto c_kv = columns(kv, 0, m.kv_lora_rank);
  step.latent_norm(c_kv, w.kv_a_layernorm);
  if (rounds_like_demo(step))
    for (std::int64_t t = 0; t < step.n; ++t) act_quant(c_kv.span(t), c_kv.span(t));
  const auto layout = m.rope_interleave ? RopeLayout::interleaved : RopeLayout::half_split;
  const auto heads = split_heads(q, c.num_attention_heads);
  const auto q_pe = columns(heads, m.qk_nope_head_dim, m.qk_rope_head_dim);
  const auto k_pe = columns(split_heads(kv, 1), m.kv_lora_rank, m.qk_rope_head_dim);
  for (const auto& x : {q_pe, k_pe})
    step.kernels.rope(
        step.exec,
        {.x = x, .dim = m.qk_rope_head_dim, .layout = layout, .cos_sin = step.of(step.act.cos_sin)});

  step.kernels.absorb_query(step.exec, {.q = columns(heads, 0, m.qk_nope_head_dim),
                                        .kv_b = w.kv_b_proj.weight,
                                        .head_rows = m.qk_nope_head_dim + m.v_head_dim,
                                        .out = split_heads(step.of(step.act.q_c), c.num_attention_heads)});
}

void Attention::write_cache(const Step& step) const {
  const auto kv = step.of(step.act.kv);
  const KvLayout& layout = kv_.layout;
  CacheWriteArgs args{.c = {}, .k_pe = {}, .key = {}, .kv = kv_, .rows = step.rows};
  if (weights_.mla) {
    args.c = columns(split_heads(kv, 1), 0, layout.rank);
    args.k_pe = columns(split_heads(kv, 1), layout.rank, layout.rope_dim);
  } else {
    args.c = split_heads(step.of(step.act.v), layout.groups);
    args.k_pe = split_heads(kv, layout.groups);
  }
  if (weights_.indexer) args.key = step.of(step.act.index_k);
  step.kernels.cache_write(step.exec, args);
}

void Attention::show_inputs(const Step& step) const {
  const ModelConfig& config = step.config;
  const KvLayout& layout = kv_.layout;
  const auto q = split_heads(step.of(step.act.q), config.num_attention_heads);
  AttentionInputs inputs{.h = step.of(step.act.h),
                         .q_c = {},
                         .q_pe = q,
                         .c = {},
                         .k_pe = {},
                         .scale = attention_scale(config),
                         .rows = step.rows,
                         .index_q = {},
                         .index_w = {}};
  if (weights_.indexer) {
    inputs.index_q = split_heads(step.of(step.act.index_q), config.indexer->n_heads);
    inputs.index_w = step.of(step.act.index_w);
  }
  if (const auto& m = config.mla) {
    const auto kv = split_heads(step.of(step.act.kv), 1);
    inputs.q_c = split_heads(step.of(step.act.q_c), config.num_attention_heads);
    inputs.q_pe = columns(q, m->qk_nope_head_dim, m->qk_rope_head_dim);
    inputs.c = columns(kv, 0, layout.rank);
    inputs.k_pe = columns(kv, layout.rank, layout.rope_dim);
  } else {
    inputs.c = split_heads(step.of(step.act.v), layout.groups);
    inputs.k_pe = split_heads(step.of(step.act.kv), layout.groups);
  }
  step.hooks.attention_inputs(layer_, inputs);
}

void Attention::attend(const Step& step) const {
  // While everything is selected anyway the keys are written and nothing is scored.  A layer that shares an
  // earlier layer's selection finds it in act.idx.
  if (!step.plan.selecting().empty() && weights_.indexer)
    Indexer(*weights_.indexer).select(step, layer_, kv_);
  for (const RowGroup& group : step.plan.attending()) attend_rows(step, group);
}

void Attention::attend_rows(const Step& step, const RowGroup& group) const {
  const auto [first, count, topk] = group;
  const std::int64_t heads = step.config.num_attention_heads;
  const auto part = [&](const TensorView<float, 2>& t) {
    return split_heads(t.slice(group.first, group.count), heads);
  };
  AttentionArgs args{
      .q_c = {},
      .q_pe = part(step.act.q),
      .kv = kv_,
      .rows = step.rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
      .idx = {},
      .count = {},
      .scale = attention_scale(step.config),
      .compute = step.compute,
      .out = part(step.act.o_c),
      .scratch = step.act.attention_scratch};
  if (const auto& m = step.config.mla) {
    args.q_c = part(step.act.q_c);
    args.q_pe = columns(part(step.act.q), m->qk_nope_head_dim, m->qk_rope_head_dim);
  }
  if (topk > 0) {
    args.idx = step.act.idx.slice(first, count);
    args.count = step.act.idx_count.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  }
  step.kernels.attention(step.exec, args);
}

void Attention::output_projection(const Step& step) const {
  auto values = step.of(step.act.o_c);
  if (weights_.mla) {
    const auto& m = *step.config.mla;
    values = step.of(step.act.o);
    step.kernels.expand_value(step.exec,
                              {.o = split_heads(step.of(step.act.o_c), step.config.num_attention_heads),
                               .kv_b = weights_.mla->kv_b_proj.weight,
                               .head_rows = m.qk_nope_head_dim + m.v_head_dim,
                               .out = split_heads(values, step.config.num_attention_heads)});
  }
  step.linear(values, std::array{output(weights_.o_proj, step.of(step.act.delta))});
}

// The demo rounds latents and indexer vectors to FP8 "to simulate the precision" its checkpoints are served
// with.  What counts is the stored type: BF16 re-exports often keep the quantization_config.
bool Attention::rounds_like_demo(const Step& step) const {
  return step.compute == Compute::demo && weights_.mla &&
         weights_.mla->kv_a_proj_with_mqa.weight.type == DType::f8_e4m3;
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
