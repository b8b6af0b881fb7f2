#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

#include "base/error.h"
#include "checkpoint/tensor_names.h"
#include "model/attention.h"
#include "train/pretrain/mla_model.h"
#include "train/pretrain/mla_weights.h"
#include "train/sparse/sparse_indexer.h"
#include "train/torch/language_loss_torch.h"
#include "train/torch/mla_layer_torch.h"
#include "train/torch/token_head_torch.h"

namespace dsa::train {

namespace names = tensor_names;
using torch::Tensor;

struct MlaModel::Impl {
  Impl(const ModelConfig& config, const Parameters& parameters, const Options& options, Exec& exec,
       const KernelTable& kernels)
      : config_(config),
        parameters_(parameters),
        options_(options),
        exec_(exec),
        kernels_(kernels),
        attention_({.heads = config.num_attention_heads,
                    .qk_dim = config.mla->qk_nope_head_dim + config.mla->qk_rope_head_dim,
                    .v_dim = config.mla->v_head_dim,
                    .max_context = options.max_context,
                    .scale = attention_scale(config)},
                   exec, *kernels.rows),
        index_rope_(config.rope, parameters.indexer.shape().rope_dim, config.max_position_embeddings),
        layer_gradient_(one_layer(parameters.indexer.shape())),
        passes_(static_cast<std::size_t>(attention_layers(config))) {
    torch::set_num_threads(exec.threads());
    const Leaves weights(parameters.weights, &parameters.gradient);
    embedding_ = weights(names::weight(names::kEmbedTokens));
    norm_ = weights(names::weight(names::kNorm));
    head_ = weights(names::weight(names::kLmHead));
    for (std::int64_t i = 0; i < attention_layers(config); ++i)
      layers_.push_back(mla_layer(weights, config, i));
    if (config.num_nextn_predict_layers > 0) {
      const names::Layer name = names::layer(config.num_hidden_layers);
      mtp_ = Mtp{.enorm = weights(names::weight(name.enorm)),
                 .hnorm = weights(names::weight(name.hnorm)),
                 .eh_proj = weights(names::weight(name.eh_proj)),
                 .norm = weights(names::weight(name.shared_head_norm))};
    }
    const RopeTable rope(config.rope, config.mla->qk_rope_head_dim, config.max_position_embeddings);
    std::vector<std::int64_t> positions(static_cast<std::size_t>(options.max_context));
    std::iota(positions.begin(), positions.end(), 0);
    cos_sin_ = torch::empty({options.max_context, rope.dim()});
    rope.fill(positions, matrix_view(cos_sin_));
  }

  struct Mtp {
    Tensor enorm, hnorm, eh_proj, norm;
  };
  /// What a layer's attention and its backward look at.
  struct LayerPass {
    BatchAttention attention;
    std::vector<Selection> selections;  // by sequence
  };

  static IndexerShape one_layer(IndexerShape shape) {
    shape.layers = 1;
    return shape;
  }

  // One indexer a sequence: what it projects for a selection, its loss needs again.
  SparseIndexer& indexer(std::int64_t topk, std::int64_t sequence) {
    auto& out = topk == config_.indexer->topk ? selecting_ : seeing_all_;
    while (std::ssize(out) <= sequence)
      out.emplace_back(parameters_.indexer.shape(), index_rope_, options_.max_context, topk, exec_, kernels_);
    return out[static_cast<std::size_t>(sequence)];
  }

  // The run at hand.
  struct Run {
    Request request;
    JoinedRows rows;
    JoinedRows module_rows;  // of the prediction module, which has none for a sequence's last token
    Losses losses;

    /// Whether the indexers are to follow the attention, or be seen doing so.
    [[nodiscard]] bool watches_indexers() const {
      return request.stage == StageKind::warmup ||
             (request.stage == StageKind::sparse && !request.frozen_indexers);
    }
    [[nodiscard]] std::int64_t sequences() const { return rows.parts(); }
  };

  // Residual stream after a layer; its indexer's loss and gradient are complete when it returns.
  Tensor layer(Run& run, std::size_t i, const Tensor& x, const JoinedRows& rows) {
    const StageKind stage = run.request.stage;
    const auto parts = static_cast<std::size_t>(rows.parts());
    LayerPass& pass = passes_[i];
    pass.attention = {.attention = &attention_, .rows = &rows};
    pass.selections.assign(parts, {});
    const std::int64_t topk = stage == StageKind::sparse ? config_.indexer->topk : options_.max_context;
    std::vector<TensorView<float, 2>> means(parts);
    if (run.watches_indexers()) {
      const std::int64_t size = options_.max_context * topk;
      mean_attention_.resize(parts * static_cast<std::size_t>(size));
      for (std::size_t p = 0; p < parts; ++p)
        means[p] = {mean_attention_.data() + static_cast<std::int64_t>(p) * size,
                    {rows.length(static_cast<std::int64_t>(p)), topk}};
      pass.attention.mean_attention = means.data();
    }
    if (stage == StageKind::sparse) pass.attention.selections = pass.selections.data();

    const auto weights = std::as_const(parameters_.indexer).layer(static_cast<std::int64_t>(i));
    std::vector<Tensor> hs(parts), latents(parts);  // what the indexers read, of whole sequences
    const auto y = layers_[i].forward(
        x, {.config = config_,
            .exec = exec_,
            .kernels = kernels_,
            .products = options_.products,
            .cos_sin = cos_sin_.index_select(0, torch::tensor(rows.positions())),
            .attention = pass.attention,
            .on_index_input =
                [&](const Tensor& normed, const Tensor& query) {
                  if (stage == StageKind::dense) return;
                  const auto h = normed.detach().contiguous(), latent = query.detach().contiguous();
                  for (std::size_t p = 0; p < parts; ++p) {
                    const auto part = static_cast<std::int64_t>(p);
                    Selection& out = pass.selections[p];
                    if (!run.watches_indexers() &&
                        (rows.length(part) <= topk || replayed(run.request, i, p, rows.length(part), out)))
                      continue;
                    hs[p] = rows_of_sequence(h, rows, part);
                    latents[p] = rows_of_sequence(latent, rows, part);
                    out.topk = topk;
                    indexer(topk, run.watches_indexers() ? part : 0)
                        .select(weights, matrix_view(hs[p]), out, matrix_view(latents[p]));
                  }
                },
            .expert_load = run.losses.expert_load[i],
            .experts = run.request.replay != nullptr && i < run.request.replay->experts.size()
                           ? std::span<const std::int32_t>(run.request.replay->experts[i])
                           : std::span<const std::int32_t>()});
    if (run.watches_indexers())
      for (std::size_t p = 0; p < parts; ++p)
        index_loss(run, i, indexer(topk, static_cast<std::int64_t>(p)),
                   {.weights = weights,
                    .h = matrix_view(hs[p]),
                    .latent = matrix_view(latents[p]),
                    .selection = pass.selections[p],
                    .mean_attention = means[p]});
    if (!torch::isfinite(y).all().item<bool>()) fail("layer {}: the output is not a finite number", i);
    return y;
  }

  static bool replayed(const Request& request, std::size_t i, std::size_t p, std::int64_t length,
                       Selection& out) {
    if (request.replay == nullptr || i >= request.replay->selections.size()) return false;
    const auto& then = request.replay->selections[i];
    if (p >= then.size() || then[p] == nullptr) return false;
    DSA_CHECK(std::ssize(then[p]->count) == length);
    out = *then[p];
    return true;
  }

  struct IndexInput {
    const LayerTensors<const float>& weights;
    TensorView<const float, 2> h, latent;
    const Selection& selection;
    TensorView<const float, 2> mean_attention;
  };
  // Adds one sequence's part of the batch's mean.
  void index_loss(Run& run, std::size_t i, SparseIndexer& indexer, const IndexInput& in) {
    const bool all = run.request.gradients != Gradients::none;
    const auto share = run.request.indexer_share / static_cast<double>(run.sequences());
    const auto gradient = layer_gradient_.layer(0);
    LayerLoss& loss = run.losses.indexers[i];
    loss.kl +=
        share * indexer.loss(in.weights, in.h, in.selection, in.mean_attention, all ? &gradient : nullptr);
    if (all) {
      const auto to = parameters_.indexer_gradient.layer_values(static_cast<std::int64_t>(i));
      for (std::size_t j = 0; j < to.size(); ++j)
        to[j] += static_cast<float>(share) * layer_gradient_.values()[j];
    }
    if (run.request.recall && run.request.stage == StageKind::warmup) add_recall(in, share, loss.recall);
  }

  // How much of dense attention the selection would have kept, and the best one of its size;
  // over the rows that must choose.
  void add_recall(const IndexInput& in, double share, Recall& recall) {
    const std::int64_t n = in.h.rows(), topk = config_.indexer->topk;
    if (n <= topk) return;
    Selection selected;
    indexer(topk, 0).select(in.weights, in.h, selected, in.latent);
    std::vector<double> kept(static_cast<std::size_t>(n)), best(kept.size());
    exec_.parallel_for(n - topk, 16, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t t = topk + begin; t < topk + end; ++t) {
        const float* p = in.mean_attention.row(t);
        for (const std::int32_t s : selected.row(t))
          kept[static_cast<std::size_t>(t)] += static_cast<double>(p[s]);
        std::vector<float> all(p, p + t + 1);
        std::nth_element(all.begin(), all.begin() + topk, all.end(), std::greater<>());
        best[static_cast<std::size_t>(t)] = std::accumulate(all.begin(), all.begin() + topk, 0.0);
      }
    });
    const auto rows = static_cast<double>(n - topk);
    recall.rows += n - topk;
    recall.indexer += share * std::accumulate(kept.begin(), kept.end(), 0.0) / rows;
    recall.best += share * std::accumulate(best.begin(), best.end(), 0.0) / rows;
  }

  static JoinedRows equal_parts(std::int64_t count, std::int64_t rows) {
    return JoinedRows(std::vector<SequencePart>(static_cast<std::size_t>(count), {.rows = rows}));
  }
  Run begin(const Request& request) {
    const auto tokens = std::ssize(request.tokens);
    if (request.parts.empty()) {
      DSA_CHECK(request.context >= 3 && tokens >= request.context && tokens % request.context == 0);
    } else {
      DSA_CHECK(request.token_loss != nullptr);
    }
    const std::int64_t sequences = request.parts.empty() ? tokens / request.context : 0;
    Run run{
        .request = request,
        .rows = request.parts.empty() ? equal_parts(sequences, request.context) : JoinedRows(request.parts),
        .module_rows = equal_parts(sequences, request.context - 1),
        .losses = {}};
    DSA_CHECK(run.rows.rows() == tokens && run.rows.longest() <= options_.max_context);
    if (run.watches_indexers())
      for (const SequencePart& part : request.parts) DSA_CHECK(part.shared == 0);
    run.losses.expert_load.resize(layers_.size());
    if (request.stage != StageKind::dense) run.losses.indexers.resize(layers_.size());
    return run;
  }

  // Normed output of the main layers; undefined if cancelled.
  Tensor main_hidden(Run& run, const std::atomic<bool>& cancel) {
    Tensor x = embedding_.index_select(0, index_of(run.request.tokens));
    for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) {
      if (cancel) return {};
      x = layer(run, static_cast<std::size_t>(i), x, run.rows);
    }
    return rms_norm(x, norm_, config_.rms_norm_eps);
  }

  // Every sequence's tokens from `skip` on, one after the other.
  static std::vector<std::int32_t> tokens_from(const Run& run, std::int64_t skip) {
    const auto& tokens = run.request.tokens;
    std::vector<std::int32_t> out;
    for (auto b = tokens.begin(); b != tokens.end(); b += run.request.context)
      out.insert(out.end(), b + skip, b + run.request.context);
    return out;
  }
  // Every sequence's rows but its last `skip`.
  static Tensor rows_before(const Run& run, const Tensor& x, std::int64_t skip) {
    const auto rows = x.view({run.sequences(), -1, x.size(1)});
    return rows.slice(1, 0, rows.size(1) - skip).flatten(0, 1);
  }

  // The module at position i reads the main model's normed output there and token i + 1, and says token i
  // + 2.  (Engines that draft with it hand it the normed output too.)
  Tensor mtp_hidden(Run& run, const Tensor& hidden) {
    const auto next = embedding_.index_select(0, index_of(tokens_from(run, 1)));
    const auto joined = torch::cat({rms_norm(next, mtp_->enorm, config_.rms_norm_eps),
                                    rms_norm(rows_before(run, hidden, 1), mtp_->hnorm, config_.rms_norm_eps)},
                                   1);
    const auto x = multiply(joined, mtp_->eh_proj, options_.products);
    return rms_norm(layer(run, layers_.size() - 1, x, run.module_rows), mtp_->norm, config_.rms_norm_eps);
  }

  std::optional<Losses> run(const Request& request, const std::atomic<bool>& cancel) {
    const bool all = request.gradients != Gradients::none;
    const bool train_main = all && request.stage != StageKind::warmup;
    if (request.gradients == Gradients::all) {
      std::ranges::fill(parameters_.gradient.values(), 0.0F);
      std::ranges::fill(parameters_.indexer_gradient.values(), 0.0F);
    }
    Run run = begin(request);
    const torch::AutoGradMode mode(train_main);
    const auto hidden = main_hidden(run, cancel);
    if (!hidden.defined()) return std::nullopt;
    if (request.token_loss != nullptr) {
      token_loss(run, hidden, train_main);
      return run.losses;
    }
    const bool predict_two = options_.mtp > 0 && mtp_.has_value();
    std::vector<Tensor> outputs{rows_before(run, hidden, 1)};
    if (predict_two) outputs.push_back(rows_before(run, mtp_hidden(run, hidden), 1));
    if (cancel) return std::nullopt;
    if (all && !train_main) return run.losses;

    std::vector<Tensor> gradients;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      LanguageLoss head(
          outputs[i].detach().contiguous(), head_, tokens_from(run, static_cast<std::int64_t>(i) + 1),
          {.scale = i == 0 ? 1 : options_.mtp, .products = options_.products, .gradients = train_main});
      head.all_blocks();
      (i == 0 ? run.losses.language_model : run.losses.mtp) = head.cross_entropy();
      gradients.push_back(head.gradient());
    }
    if (train_main) torch::autograd::backward(outputs, gradients);
    return run.losses;
  }

  void token_loss(Run& run, const Tensor& hidden, bool gradients) const {
    const TokenLoss& loss = *run.request.token_loss;
    std::vector<std::int32_t> rows, next;
    for (const std::int32_t t : loss.tokens) {
      rows.push_back(static_cast<std::int32_t>(run.rows.before(t)));
      next.push_back(run.request.tokens[static_cast<std::size_t>(t)]);
    }
    if (rows.empty()) return;
    const auto output = hidden.index_select(0, index_of(rows));
    TokenHead head(output.detach().contiguous(), head_, next, loss.kept, options_.products);
    run.losses.log_probs = head.log_probs();
    for (const float log_prob : run.losses.log_probs)
      run.losses.language_model -= static_cast<double>(log_prob) / static_cast<double>(rows.size());
    if (!gradients) return;
    std::vector<float> slopes(rows.size());
    loss.slopes(run.losses.log_probs, slopes);
    torch::autograd::backward({output}, {head.backward(slopes)});
  }

  std::vector<float> logits(std::span<const std::int32_t> tokens, StageKind stage) {
    const torch::NoGradGuard no_grad;
    Run run = begin({.tokens = tokens,
                     .context = static_cast<std::int64_t>(tokens.size()),
                     .stage = stage,
                     .gradients = Gradients::none});
    const std::atomic<bool> never = false;
    const auto out = multiply(main_hidden(run, never), head_, options_.products).contiguous();
    return {out.data_ptr<float>(), out.data_ptr<float>() + out.numel()};
  }

  const ModelConfig& config_;
  Parameters parameters_;
  Options options_;
  Exec& exec_;
  const KernelTable& kernels_;
  CausalAttention attention_;
  RopeTable index_rope_;
  std::deque<SparseIndexer> selecting_, seeing_all_;  // made as sequences come
  IndexerTensors layer_gradient_;
  std::vector<LayerPass> passes_;      // by layer, of the run at hand
  std::vector<float> mean_attention_;  // of the layer at hand
  Tensor embedding_, norm_, head_, cos_sin_;
  std::optional<Mtp> mtp_;
  std::vector<MlaLayer> layers_;
};

MlaModel::MlaModel(const ModelConfig& config, const Parameters& parameters, const Options& options,
                   Exec& exec, const KernelTable& kernels)
    : impl_(std::make_unique<Impl>(config, parameters, options, exec, kernels)) {}
MlaModel::~MlaModel() = default;

std::optional<MlaModel::Losses> MlaModel::run(const Request& request, const std::atomic<bool>& cancel) {
  return impl_->run(request, cancel);
}
std::vector<float> MlaModel::logits(std::span<const std::int32_t> tokens, StageKind stage) {
  return impl_->logits(tokens, stage);
}
const Selection& MlaModel::selection(std::int64_t layer) const {
  return impl_->passes_[static_cast<std::size_t>(layer)].selections.front();
}

}  // namespace dsa::train
