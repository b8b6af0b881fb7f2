#include "train/sparse/sparse_model.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"
#include "checkpoint/tensor_names.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/sparse_indexer.h"
#include "train/torch/gqa_layer_torch.h"
#include "train/torch/language_loss_torch.h"
#include "train/torch/token_head_torch.h"

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
                    .max_context = std::max(options.max_context, options.max_rows),
                    .topk = std::max(options.topk, options.max_context)},
                   exec, *kernels.rows),
        selections_(static_cast<std::size_t>(config.num_hidden_layers)),
        mean_attention_(static_cast<std::size_t>(options.max_context * options.topk)) {
    DSA_CHECK(options.topk_layers.empty() || options.topk_layers.size() == selections_.size());
    if (const IndexerShape& shape = parameters.indexer.shape(); shape.layers > 0) {
      index_rope_.emplace(config.rope, shape.rope_dim, config.max_position_embeddings);
      indexer_.emplace(shape, *index_rope_, options.max_context, options.topk, exec, kernels);
    }
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
    selections_[i].topk = topk_of(i);
    const auto y = layers_[i].forward(x, angles_, pass, [&](const torch::Tensor& normed) {
      h = normed.detach().contiguous();
      indexer_->select(weights, matrix_view(h), selections_[i]);
    });
    const auto gradient = parameters_.indexer_gradient.layer(layer);
    kl = indexer_->loss(weights, matrix_view(h), selections_[i], pass.mean_attention,
                        gradients == Gradients::all ? &gradient : nullptr);
    check_finite(i, y);
    return y;
  }

  [[nodiscard]] std::int64_t topk_of(std::size_t layer) const {
    return options_.topk_layers.empty() ? options_.topk : options_.topk_layers[layer];
  }
  static void check_finite(std::size_t layer, const torch::Tensor& y) {
    if (!torch::isfinite(y).all().item<bool>()) fail("layer {}: the output is not a finite number", layer);
  }

  // The same where the indexers are frozen, and rows may be of several sequences.
  torch::Tensor first_pass(std::size_t i, const torch::Tensor& x, const Request& request,
                           const JoinedRows& rows) {
    AttentionPass pass{.attention = &attention_, .selection = &selections_[i], .mean_attention = {}};
    const auto y = layers_[i].forward(
        x, angles_, pass, [&](const torch::Tensor& normed) { select(i, normed.detach(), request, rows); });
    check_finite(i, y);
    return y;
  }
  void select(std::size_t i, const torch::Tensor& h, const Request& request, const JoinedRows& rows) {
    const std::int64_t topk = request.dense ? rows.longest() : topk_of(i);
    rows.begin(std::min(topk, rows.longest()), selections_[i]);
    for (std::int64_t part = 0; part < rows.parts(); ++part) {
      const auto p = static_cast<std::size_t>(part);
      if (rows.length(part) <= topk) {
        rows.select(part, nullptr, selections_[i]);
      } else if (p < request.selections.size() && i < request.selections[p].size()) {
        DSA_CHECK(std::ssize(request.selections[p][i].count) == rows.length(part));
        rows.select(part, &request.selections[p][i], selections_[i]);
      } else {
        const auto seen = h.index_select(0, torch::tensor(rows.sequence(part))).contiguous();
        Selection made{.topk = topk, .idx = {}, .count = {}};
        indexer_->select(std::as_const(parameters_.indexer).layer(static_cast<std::int64_t>(i)),
                         matrix_view(seen), made);
        rows.select(part, &made, selections_[i]);
      }
    }
  }

  torch::Tensor second_pass(std::size_t i, const torch::Tensor& x) {
    AttentionPass pass{.attention = &attention_, .selection = &selections_[i], .mean_attention = {}};
    return layers_[i].forward(x, angles_, pass, {});
  }

  /// The residual stream after the last layer; `inputs` and `outputs` of every layer if they are asked for.
  struct Trail {
    std::vector<torch::Tensor> inputs, outputs;  // outputs: empty where a layer is to be run once more
    std::vector<double> kl;
  };
  std::optional<torch::Tensor> forward(const Request& request, const JoinedRows& rows, Trail& trail,
                                       const std::atomic<bool>& cancel) {
    DSA_CHECK(rows.longest() <= options_.max_context && std::ssize(request.tokens) == rows.rows());
    angles_ = rows.parts() == 1 ? cos_sin_.slice(0, 0, rows.rows())
                                : cos_sin_.index_select(0, torch::tensor(rows.positions()));
    const bool all = request.gradients != Gradients::none;
    const bool keep = all && kept_bytes(config_, rows.rows()) <= kKeptBytes;
    torch::Tensor x = embedding_.detach().index_select(0, index_of(request.tokens));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (cancel) return std::nullopt;
      if (all) trail.inputs.push_back(x.detach().requires_grad_(true));
      const torch::AutoGradMode mode(keep);
      const auto& in = all ? trail.inputs.back() : x;
      x = request.token_loss != nullptr ? first_pass(i, in, request, rows)
                                        : first_pass(i, in, request.gradients, trail.kl.emplace_back());
      if (keep) trail.outputs.push_back(x);
    }
    return x.detach();
  }

  std::optional<Losses> run(const Request& request, const std::atomic<bool>& cancel) {
    const bool all = request.gradients != Gradients::none;
    DSA_CHECK(request.token_loss != nullptr || (request.parts.empty() && indexer_ && !request.dense));
    if (request.gradients == Gradients::all) {
      std::ranges::fill(parameters_.gradient.values(), 0.0F);
      if (request.token_loss != nullptr) std::ranges::fill(parameters_.indexer_gradient.values(), 0.0F);
    }
    Trail trail;
    const torch::NoGradGuard no_grad;
    const JoinedRows rows = rows_of(request);
    const auto x = forward(request, rows, trail, cancel);
    if (!x) return std::nullopt;

    auto last = x->clone().requires_grad_(all);
    torch::Tensor hidden;
    {
      const torch::AutoGradMode mode(all);
      hidden = rms_norm(last, norm_, config_.rms_norm_eps);
    }
    if (request.token_loss != nullptr) {
      Losses losses = token_loss(request, rows, hidden);
      if (all && !backward(request, trail, last.grad(), cancel)) return std::nullopt;
      return losses;
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
    if (!backward(request, trail, last.grad(), cancel)) return std::nullopt;
    return losses;
  }

  // Of what the layers have done, from the gradient of the last one's output.  False if cancelled.
  bool backward(const Request& request, Trail& trail, torch::Tensor grad, const std::atomic<bool>& cancel) {
    for (std::size_t i = layers_.size(); i-- > 0;) {
      if (cancel) return false;
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
    return true;
  }

  static JoinedRows rows_of(const Request& request) {
    const SequencePart one[] = {{.rows = std::ssize(request.tokens)}};
    return JoinedRows(request.parts.empty() ? one : request.parts);
  }

  // With gradients, those of `hidden`'s input are there afterwards.
  Losses token_loss(const Request& request, const JoinedRows& rows, const torch::Tensor& hidden) const {
    const TokenLoss& loss = *request.token_loss;
    Losses out;
    std::vector<std::int32_t> from, next;
    for (const std::int32_t t : loss.tokens) {
      from.push_back(static_cast<std::int32_t>(rows.before(t)));
      next.push_back(request.tokens[static_cast<std::size_t>(t)]);
    }
    DSA_CHECK(!from.empty());
    torch::Tensor output;
    {
      const torch::AutoGradMode mode(request.gradients != Gradients::none);
      output = hidden.index_select(0, index_of(from));
    }
    TokenHead head(output.detach().contiguous(), head_, next, loss.kept, options_.products);
    out.log_probs = head.log_probs();
    for (const float log_prob : out.log_probs)
      out.language_model -= static_cast<double>(log_prob) / static_cast<double>(from.size());
    if (request.gradients == Gradients::none) return out;
    std::vector<float> slopes(from.size());
    loss.slopes(out.log_probs, slopes);
    torch::autograd::backward({output}, {head.backward(slopes)});
    return out;
  }

  std::vector<float> logits(std::span<const std::int32_t> tokens) {
    const torch::NoGradGuard no_grad;
    Trail trail;
    const std::atomic<bool> never = false;
    const Request request{.tokens = tokens, .gradients = Gradients::none};
    const auto x = *forward(request, rows_of(request), trail, never);
    const auto out =
        multiply(rms_norm(x, norm_, config_.rms_norm_eps), head_, options_.products).contiguous();
    return {out.data_ptr<float>(), out.data_ptr<float>() + out.numel()};
  }

  const ModelConfig& config_;
  Parameters parameters_;
  Options options_;
  SelectedAttention attention_;
  std::optional<RopeTable> index_rope_;
  std::optional<SparseIndexer> indexer_;  // none: attention is dense
  std::vector<Selection> selections_;     // by layer, of the run at hand
  std::vector<float> mean_attention_;     // of the layer at hand
  torch::Tensor embedding_, norm_, head_, cos_sin_;
  torch::Tensor angles_;  // of the rows at hand
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
