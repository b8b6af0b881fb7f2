#include "train/torch/mla_layer_torch.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "checkpoint/tensor_names.h"

namespace dsa::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

constexpr double kLatentEps = 1e-6;  // whatever rms_norm_eps says (model/step.h)

struct AttendCausal : Function<AttendCausal> {
  // What a part attends with: its own queries, keys and values of its whole sequence.
  struct Part {
    Tensor q, k, v;
    const Selection* selection;
    [[nodiscard]] AttentionTensors views() const {
      return {.q = heads_view(q), .k = heads_view(k), .v = heads_view(v)};
    }
  };
  static Tensor own(const Tensor& x, const JoinedRows& rows, std::int64_t part) {
    return x.narrow(0, rows.first(part), rows.part(part).rows);
  }
  static Part part_of(const tensor_list& qkv, const BatchAttention& batch, std::int64_t part) {
    const Selection* selection = batch.selections == nullptr ? nullptr : batch.selections + part;
    return {.q = own(qkv[0], *batch.rows, part),
            .k = rows_of_sequence(qkv[1], *batch.rows, part),
            .v = rows_of_sequence(qkv[2], *batch.rows, part),
            .selection = selection == nullptr || selection->count.empty() ? nullptr : selection};
  }

  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const BatchAttention& batch) {
    ctx->save_for_backward({q, k, v});
    keep(*ctx, batch);
    auto out = torch::empty({q.size(0), v.size(1), v.size(2)});
    for (std::int64_t p = 0; p < batch.rows->parts(); ++p) {
      const Part part = part_of({q, k, v}, batch, p);
      batch.attention->forward(
          part.views(), part.selection, heads_view(own(out, *batch.rows, p)),
          batch.mean_attention != nullptr ? batch.mean_attention[p] : TensorView<float, 2>{});
    }
    return out;
  }
  static tensor_list backward(AutogradContext* ctx, const tensor_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto batch = kept<BatchAttention>(*ctx);
    const JoinedRows& rows = *batch.rows;
    const auto d_out = grads[0].contiguous();
    tensor_list out;
    for (const Tensor& x : saved) out.push_back(torch::empty(x.sizes()));
    for (std::int64_t p = 0; p < rows.parts(); ++p) {
      const Part part = part_of(saved, batch, p);
      const std::int64_t shared = rows.part(p).shared;
      const auto gradient = [&](std::size_t i) {
        if (shared == 0) return own(out[i], rows, p);
        return torch::empty({rows.length(p), out[i].size(1), out[i].size(2)});
      };
      const Tensor dq = own(out[0], rows, p), dk = gradient(1), dv = gradient(2);
      batch.attention->backward(part.views(), part.selection, heads_view(own(d_out, rows, p)),
                                {.q = heads_view(dq), .k = heads_view(dk), .v = heads_view(dv)});
      if (shared == 0) continue;
      // What is shared has its gradients from the parts that it belongs to, which came before.
      const auto before = torch::tensor(rows.sequence(p)).narrow(0, 0, shared);
      for (const auto& [i, d] : {std::pair<std::size_t, Tensor>{1, dk}, {2, dv}}) {
        own(out[i], rows, p).copy_(d.narrow(0, shared, rows.part(p).rows));
        out[i].index_add_(0, before, d.narrow(0, 0, shared));
      }
    }
    out.emplace_back();
    return out;
  }
};

// Rotates the pairs (x[2 i], x[2 i + 1]) of x [n, heads, dim].
Tensor rope_interleaved(const Tensor& x, const Tensor& cos_sin) {
  const std::int64_t half = x.size(2) / 2;
  const auto pairs = x.view({x.size(0), x.size(1), half, 2});
  const auto a = pairs.select(3, 0), b = pairs.select(3, 1);
  const auto c = cos_sin.slice(1, 0, half).unsqueeze(1), s = cos_sin.slice(1, half).unsqueeze(1);
  return torch::stack({a * c - b * s, a * s + b * c}, 3).flatten(2);
}

}  // namespace

Tensor rows_of_sequence(const Tensor& x, const JoinedRows& rows, std::int64_t part) {
  if (rows.part(part).shared == 0) return x.narrow(0, rows.first(part), rows.part(part).rows);
  return x.index_select(0, torch::tensor(rows.sequence(part)));
}

Tensor MlaMlp::forward(const Tensor& x, Products products) const {
  return multiply(torch::silu(multiply(x, gate_proj, products)) * multiply(x, up_proj, products), down_proj,
                  products);
}

Tensor MlaMoe::forward(const Tensor& x, const Tools& tools, std::vector<std::int64_t>& load) const {
  const MoeConfig& m = tools.config;
  const std::int64_t n = x.size(0), slots = m.num_experts_per_tok;
  const auto logits = x.mm(gate.t());  // never rounded (model/moe.cpp)
  const auto chosen = torch::empty({n, slots}, torch::kInt), unused = torch::empty({n, slots});
  tools.kernels.gate(tools.exec, {.logits = matrix_view(logits),
                                  .bias = {bias.data_ptr<float>(), static_cast<std::size_t>(bias.numel())},
                                  .groups = m.n_group,
                                  .topk_groups = m.topk_group,
                                  .topk = slots,
                                  .norm_topk = m.norm_topk_prob,
                                  .route_scale = static_cast<float>(m.routed_scaling_factor),
                                  .ids = {chosen.data_ptr<std::int32_t>(), {n, slots}},
                                  .weights = matrix_view(unused)});
  if (!tools.replayed.empty()) {
    DSA_CHECK(static_cast<std::int64_t>(tools.replayed.size()) == n * slots);
    std::ranges::copy(tools.replayed, chosen.data_ptr<std::int32_t>());
  }
  const auto ids = chosen.to(torch::kLong);
  auto weights = logits.sigmoid().gather(1, ids);
  if (m.norm_topk_prob) weights = weights / (weights.sum(1, /*keepdim=*/true) + 1e-20);
  weights = weights * m.routed_scaling_factor;

  // (token, slot) pairs by expert; tokens of one expert stay in ascending order.
  const auto order = std::get<1>(ids.flatten().sort(/*stable=*/true, 0, /*descending=*/false));
  const auto rows = order.div(slots, "floor");
  const auto counts = ids.flatten().bincount({}, m.n_routed_experts);
  load.assign(counts.data_ptr<std::int64_t>(), counts.data_ptr<std::int64_t>() + counts.numel());
  const auto sorted = x.index_select(0, rows);
  std::vector<Tensor> outputs;
  std::int64_t first = 0;
  for (std::size_t e = 0; e < experts.size(); first += load[e++])
    if (load[e] > 0) outputs.push_back(experts[e].forward(sorted.narrow(0, first, load[e]), tools.products));
  const auto scaled = torch::cat(outputs) * weights.flatten().index_select(0, order).unsqueeze(1);
  const auto base = shared_experts ? shared_experts->forward(x, tools.products) : torch::zeros_like(x);
  return base.index_add(0, rows, scaled);
}

Tensor MlaLayer::forward(const Tensor& x, const Pass& pass) const {
  const ModelConfig& c = pass.config;
  const MlaConfig& m = *c.mla;
  const std::int64_t n = x.size(0), heads = c.num_attention_heads;
  const auto h = rms_norm(x, input_layernorm, c.rms_norm_eps);
  const auto latent = rms_norm(multiply(h, q_a_proj, pass.products), q_a_layernorm, kLatentEps);
  if (pass.on_index_input) pass.on_index_input(h, latent);
  const auto q = multiply(latent, q_b_proj, pass.products).view({n, heads, -1});
  const auto kv = multiply(h, kv_a_proj_with_mqa, pass.products);
  const auto c_kv = rms_norm(kv.slice(1, 0, m.kv_lora_rank), kv_a_layernorm, kLatentEps);
  const auto k_pe = rope_interleaved(kv.slice(1, m.kv_lora_rank).unsqueeze(1), pass.cos_sin);
  const auto q_pe = rope_interleaved(q.slice(2, m.qk_nope_head_dim), pass.cos_sin);
  const auto expanded = multiply(c_kv, kv_b_proj, pass.products).view({n, heads, -1});
  const auto attended = AttendCausal::apply(
      torch::cat({q.slice(2, 0, m.qk_nope_head_dim), q_pe}, 2),
      torch::cat({expanded.slice(2, 0, m.qk_nope_head_dim), k_pe.expand({n, heads, m.qk_rope_head_dim})}, 2),
      expanded.slice(2, m.qk_nope_head_dim), pass.attention);
  const auto residual = x + multiply(attended.flatten(1), o_proj, pass.products);
  const auto normed = rms_norm(residual, post_attention_layernorm, c.rms_norm_eps);
  if (!moe) return residual + mlp->forward(normed, pass.products);
  return residual + moe->forward(normed,
                                 {.config = *c.moe,
                                  .exec = pass.exec,
                                  .kernels = pass.kernels,
                                  .products = pass.products,
                                  .replayed = pass.experts},
                                 pass.expert_load);
}

MlaLayer mla_layer(const Leaves& weights, const ModelConfig& config, std::int64_t layer) {
  const tensor_names::Layer name = tensor_names::layer(layer);
  const auto of = [&](const std::string& part) { return weights(tensor_names::weight(part)); };
  const auto mlp = [&](const tensor_names::Mlp& m) {
    return MlaMlp{.gate_proj = of(m.gate_proj), .up_proj = of(m.up_proj), .down_proj = of(m.down_proj)};
  };
  MlaLayer out{.input_layernorm = of(name.input_layernorm),
               .post_attention_layernorm = of(name.post_attention_layernorm),
               .q_a_proj = of(name.q_a_proj),
               .q_a_layernorm = of(name.q_a_layernorm),
               .q_b_proj = of(name.q_b_proj),
               .kv_a_proj_with_mqa = of(name.kv_a_proj_with_mqa),
               .kv_a_layernorm = of(name.kv_a_layernorm),
               .kv_b_proj = of(name.kv_b_proj),
               .o_proj = of(name.o_proj),
               .mlp = {},
               .moe = {}};
  if (!of(name.moe.gate).defined()) {
    out.mlp = mlp(name.mlp);
    return out;
  }
  MlaMoe& moe = out.moe.emplace();
  moe.gate = of(name.moe.gate);
  moe.bias = weights(name.moe.e_score_correction_bias).detach();
  for (std::int64_t e = 0; e < config.moe->n_routed_experts; ++e)
    moe.experts.push_back(mlp(name.moe.expert(e)));
  if (config.moe->n_shared_experts > 0) moe.shared_experts = mlp(name.moe.shared_experts);
  return out;
}

}  // namespace dsa::train
