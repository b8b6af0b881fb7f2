#include "train/sparse/sparse_model.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"
#include "checkpoint/tensor_names.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/sparse_indexer.h"
#include "train/torch/gqa_layer_torch.h"
#include "train/torch/language_loss_torch.h"

namespace dsa::train {
namespace {

namespace names = tensor_names;

// Above this estimate of what autograd keeps for all layers, each layer is run once more
// in the backward instead.
constexpr std::int64_t kKeptBytes = std::int64_t{3} << 30;

std::int64_t kept_bytes(const ModelConfig& c, std::int64_t tokens) {
  const std::int64_t attention = (2 * c.num_attention_heads + 2 * c.num_key_value_heads) * c.head_dim;
  return 4 * tokens * c.num_hidden_layers * (8 * c.hidden_size + 2 * attention + 5 * c.intermediate_size);
}

}  // namespace

struct SparseModel::Impl {
  Impl(const ModelConfig& config, const Parameters& parameters, const Options& options, Exec& exec,
       const KernelTable& kernels)
      : config_(config),
        parameters_(parameters),
        options_(options),
        attention_({.heads = config.num_attention_heads,
                    .groups = config.num_key_value_heads,
                    .dim = config.head_dim,
                    .max_context = options.max_context,
                    .topk = options.topk},
                   exec, *kernels.rows),
        index_rope_(config.rope, parameters.indexer.shape().rope_dim, config.max_position_embeddings),
        indexer_(parameters.indexer.shape(), index_rope_, options.max_context, options.topk, exec, kernels),
        selections_(static_cast<std::size_t>(config.num_hidden_layers)),
        mean_attention_(static_cast<std::size_t>(options.max_context * options.topk)) {
    DSA_CHECK(options.topk_layers.empty() || options.topk_layers.size() == selections_.size());
    for (std::size_t i = 0; i < options.topk_layers.size(); ++i) selections_[i].topk = options.topk_layers[i];
    torch::set_num_threads(exec.threads());
    const bool frozen = &parameters.trainable != &parameters.weights;
    const Leaves weights(parameters.weights, frozen ? nullptr : &parameters.gradient);
    const Leaves lora(parameters.trainable, &parameters.gradient);
    embedding_ = weights(names::weight(names::kEmbedTokens));
    norm_ = weights(names::weight(names::kNorm));
    head_ = config.tie_word_embeddings ? embedding_ : weights(names::weight(names::kLmHead));
    const auto projection = [&](const std::string& at) {
      GqaLayer::Projection p{.weight = weights(names::weight(at)),
                             .bias = weights(names::bias(at)),
                             .a = {},
                             .b = {},
                             .products = options.products};
      if (frozen) {
        p.a = lora(lora_a(names::weight(at)));
        p.b = lora(lora_b(names::weight(at)));
      }
      return p;
    };
    for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
      const names::Layer name = names::layer(i);
      layers_.push_back({.heads = config.num_attention_heads,
                         .groups = config.num_key_value_heads,
                         .dim = config.head_dim,
                         .eps = config.rms_norm_eps,
                         .input_layernorm = weights(names::weight(name.input_layernorm)),
                         .post_attention_layernorm = weights(names::weight(name.post_attention_layernorm)),
                         .q_norm = weights(names::weight(name.q_norm)),
                         .k_norm = weights(names::weight(name.k_norm)),
                         .q_proj = projection(name.q_proj),
                         .k_proj = projection(name.k_proj),
                         .v_proj = projection(name.v_proj),
                         .o_proj = projection(name.o_proj),
                         .gate_proj = projection(name.mlp.gate_proj),
                         .up_proj = projection(name.mlp.up_proj),
                         .down_proj = projection(name.mlp.down_proj)});
    }
    const RopeTable rope(config.rope, config.head_dim, config.max_position_embeddings);
    std::vector<std::int64_t> positions(static_cast<std::size_t>(options.max_context));
    std::iota(positions.begin(), positions.end(), 0);
    cos_sin_ = torch::empty({options.max_context, config.head_dim});
    rope.fill(positions, {cos_sin_.data_ptr<float>(), {options.max_context, config.head_dim}});
  }

  // The layer's first pass selects; its indexer's loss and gradient are complete when it returns.
  torch::Tensor first_pass(std::size_t i, const torch::Tensor& x, Gradients gradients, double& kl) {
    const auto layer = static_cast<std::int64_t>(i), n = x.size(0);
    const auto weights = std::as_const(parameters_.indexer).layer(layer);
    AttentionPass pass{.attention = &attention_,
                       .selection = &selections_[i],
                       .mean_attention = {mean_attention_.data(), {n, options_.topk}}};
    torch::Tensor h;
    const auto y = layers_[i].forward(x, angles(n), pass, [&](const torch::Tensor& normed) {
      h = normed.detach().contiguous();
      indexer_.select(weights, matrix_view(h), selections_[i]);
    });
    const auto gradient = parameters_.indexer_gradient.layer(layer);
    kl = indexer_.loss(weights, matrix_view(h), selections_[i], pass.mean_attention,
                       gradients == Gradients::all ? &gradient : nullptr);
    if (!torch::isfinite(y).all().item<bool>()) fail("layer {}: the output is not a finite number", i);
    return y;
  }

  torch::Tensor second_pass(std::size_t i, const torch::Tensor& x) {
    AttentionPass pass{.attention = &attention_, .selection = &selections_[i], .mean_attention = {}};
    return layers_[i].forward(x, angles(x.size(0)), pass, {});
  }

  [[nodiscard]] torch::Tensor angles(std::int64_t n) const { return cos_sin_.slice(0, 0, n); }

  /// The residual stream after the last layer; `inputs` and `outputs` of every layer if they are asked for.
  struct Trail {
    std::vector<torch::Tensor> inputs, outputs;  // outputs: empty where a layer is to be run once more
    std::vector<double> kl;
  };
  std::optional<torch::Tensor> forward(std::span<const std::int32_t> tokens, Gradients gradients,
                                       Trail& trail, const std::atomic<bool>& cancel) {
    DSA_CHECK(static_cast<std::int64_t>(tokens.size()) <= options_.max_context);
    const bool all = gradients == Gradients::all;
    const bool keep = all && kept_bytes(config_, static_cast<std::int64_t>(tokens.size())) <= kKeptBytes;
    torch::Tensor x = embedding_.detach().index_select(0, index_of(tokens));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (cancel) return std::nullopt;
      if (all) trail.inputs.push_back(x.detach().requires_grad_(true));
      const torch::AutoGradMode mode(keep);
      x = first_pass(i, all ? trail.inputs.back() : x, gradients, trail.kl.emplace_back());
      if (keep) trail.outputs.push_back(x);
    }
    return x.detach();
  }

  std::optional<Losses> run(const Request& request, const std::atomic<bool>& cancel) {
    const bool all = request.gradients == Gradients::all;
    if (all) std::ranges::fill(parameters_.gradient.values(), 0.0F);
    Trail trail;
    const torch::NoGradGuard no_grad;
    const auto x = forward(request.tokens, request.gradients, trail, cancel);
    if (!x) return std::nullopt;

    auto last = x->clone().requires_grad_(all);
    torch::Tensor hidden;
    {
      const torch::AutoGradMode mode(all);
      hidden = rms_norm(last, norm_, config_.rms_norm_eps);
    }
    LanguageLoss head(hidden.detach(), head_, request.tokens.subspan(1),
                      {.distill = request.distill, .products = options_.products, .gradients = all});
    if (request.teacher) {
      if (!request.teacher(request.tokens, [&](std::int64_t first, TensorView<const float, 2> logits) {
            head.block(first, logits);
          }))
        return std::nullopt;
    } else {
      head.all_blocks();
    }
    Losses losses{
        .language_model = head.cross_entropy(), .distill = head.divergence(), .kl = std::move(trail.kl)};
    if (!all) return losses;

    torch::autograd::backward({hidden}, {head.gradient()});
    auto grad = last.grad();
    for (std::size_t i = layers_.size(); i-- > 0;) {
      if (cancel) return std::nullopt;
      torch::Tensor y;
      if (trail.outputs.empty()) {
        const torch::AutoGradMode mode(true);
        y = second_pass(i, trail.inputs[i]);
      } else {
        y = std::move(trail.outputs[i]);
      }
      torch::autograd::backward({y}, {grad});
      grad = trail.inputs[i].grad();
      trail.inputs[i].reset();
    }
    if (embedding_.requires_grad()) embedding_.mutable_grad().index_add_(0, index_of(request.tokens), grad);
    return losses;
  }

  std::vector<float> logits(std::span<const std::int32_t> tokens) {
    const torch::NoGradGuard no_grad;
    Trail trail;
    const std::atomic<bool> never = false;
    const auto x = *forward(tokens, Gradients::none, trail, never);
    const auto out =
        multiply(rms_norm(x, norm_, config_.rms_norm_eps), head_, options_.products).contiguous();
    return {out.data_ptr<float>(), out.data_ptr<float>() + out.numel()};
  }

  const ModelConfig& config_;
  Parameters parameters_;
  Options options_;
  SelectedAttention attention_;
  RopeTable index_rope_;
  SparseIndexer indexer_;
  std::vector<Selection> selections_;  // by layer, of the run at hand
  std::vector<float> mean_attention_;  // of the layer at hand
  torch::Tensor embedding_, norm_, head_, cos_sin_;
  std::vector<GqaLayer> layers_;
};

SparseModel::SparseModel(const ModelConfig& config, const Parameters& parameters, const Options& options,
                         Exec& exec, const KernelTable& kernels)
    : impl_(std::make_unique<Impl>(config, parameters, options, exec, kernels)) {}
SparseModel::~SparseModel() = default;

std::optional<SparseModel::Losses> SparseModel::run(const Request& request, const std::atomic<bool>& cancel) {
  return impl_->run(request, cancel);
}
std::vector<float> SparseModel::logits(std::span<const std::int32_t> tokens) { return impl_->logits(tokens); }
const Selection& SparseModel::selection(std::int64_t layer) const {
  return impl_->selections_[static_cast<std::size_t>(layer)];
}

}  // namespace dsa::train
