#include "train/torch/gqa_layer_torch.h"

#include "train/sparse/gqa_weights.h"

namespace dsa::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

struct AttendSelected : Function<AttendSelected> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionPass& pass) {
    ctx->save_for_backward({q, k, v});
    keep(*ctx, pass);
    auto out = torch::empty_like(q);
    pass.attention->forward({.q = heads_view(q), .k = heads_view(k), .v = heads_view(v)}, *pass.selection,
                            heads_view(out), pass.mean_attention);
    return out;
  }
  static tensor_list backward(AutogradContext* ctx, const tensor_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto pass = kept<AttentionPass>(*ctx);
    tensor_list out;
    for (const Tensor& x : saved) out.push_back(torch::empty_like(x));
    pass.attention->backward(
        {.q = heads_view(saved[0]), .k = heads_view(saved[1]), .v = heads_view(saved[2])}, *pass.selection,
        heads_view(grads[0].contiguous()),
        {.q = heads_view(out[0]), .k = heads_view(out[1]), .v = heads_view(out[2])});
    out.emplace_back();
    return out;
  }
};

// Half-split rotation of x [n, heads, dim].
Tensor rope(const Tensor& x, const Tensor& cos_sin) {
  const std::int64_t half = x.size(2) / 2;
  const auto c = cos_sin.slice(1, 0, half).unsqueeze(1), s = cos_sin.slice(1, half).unsqueeze(1);
  const auto a = x.slice(2, 0, half), b = x.slice(2, half);
  return torch::cat({a * c - b * s, b * c + a * s}, 2);
}

}  // namespace

Tensor GqaLayer::Projection::operator()(const Tensor& x) const {
  auto y = multiply(x, weight, products);
  if (bias.defined()) y = y + bias;
  if (a.defined()) y = y + kLoraScale * multiply(multiply(x, a, products), b, products);
  return y;
}

Tensor GqaLayer::forward(const Tensor& x, const Tensor& cos_sin, const AttentionPass& pass,
                         const std::function<void(const Tensor&)>& on_normed) const {
  const std::int64_t n = x.size(0);
  const auto h = rms_norm(x, input_layernorm, eps);
  if (on_normed) on_normed(h);
  auto q = q_proj(h).view({n, heads, dim}), k = k_proj(h).view({n, groups, dim});
  const auto v = v_proj(h).view({n, groups, dim});
  if (q_norm.defined()) {
    q = rms_norm(q, q_norm, eps);
    k = rms_norm(k, k_norm, eps);
  }
  const auto attended = AttendSelected::apply(rope(q, cos_sin), rope(k, cos_sin), v.contiguous(), pass);
  const auto residual = x + o_proj(attended.view({n, heads * dim}));
  const auto m = rms_norm(residual, post_attention_layernorm, eps);
  return residual + down_proj(torch::silu(gate_proj(m)) * up_proj(m));
}

}  // namespace dsa::train
