#include "train/document_pass.h"

#include <algorithm>

#include "base/error.h"

namespace dsa::train {
namespace {

IndexerLoss::Sizes loss_sizes(const ModelConfig& config, std::int64_t max_context, std::int64_t max_rows) {
  return {.attention_heads = config.num_attention_heads,
          .attention_groups = config.num_key_value_heads,
          .attention_dim = config.head_dim,
          .max_context = max_context,
          .max_rows = max_rows};
}

}  // namespace

IndexerShape indexer_shape(const ModelFiles& files, std::int64_t heads, std::int64_t dim) {
  const ModelConfig& config = files.config;
  const std::string who = printable(files.path.string(), 1000);
  if (config.mla)
    fail("{}: has latent attention: an indexer folder is made for grouped-query models (Llama, Qwen) alone",
         who);
  IndexerConfig indexer;
  indexer.n_heads = heads;
  indexer.head_dim = dim;
  indexer.rope_head_dim = std::max<std::int64_t>(2, dim / 4 * 2);
  indexer.topk = 1;
  validate_indexer(indexer, "--heads and --dim");
  return {.layers = config.num_hidden_layers,
          .hidden = config.hidden_size,
          .heads = heads,
          .dim = dim,
          .rope_dim = indexer.rope_head_dim,
          .k_norm_eps = indexer.k_norm_eps};
}

DocumentPass::DocumentPass(LoadedModel& model, const IndexerShape& shape, std::int64_t max_context,
                           std::int64_t max_rows)
    : model_(model),
      rope_(model.config().rope, shape.rope_dim, model.config().max_position_embeddings),
      loss_(shape, loss_sizes(model.config(), max_context, max_rows), rope_, model.exec(),
            row_kernels_for(model.transformer().kernels().name)),
      losses_(static_cast<std::size_t>(shape.layers)) {
  DSA_CHECK(model.transformer().max_tokens() >= max_context);
  model_.transformer().set_hooks(
      {.attention_inputs = [this](std::int64_t layer, const AttentionInputs& inputs) {
        on_layer(layer, inputs);
      }});
}

DocumentPass::~DocumentPass() { model_.transformer().set_hooks({}); }

bool DocumentPass::run(std::span<const std::int32_t> tokens, const LossRequest& request,
                       const IndexerTensors& parameters, IndexerTensors* gradient,
                       const std::atomic<bool>& cancel) {
  request_ = &request;
  parameters_ = &parameters;
  gradient_ = gradient;
  return model_.run(tokens, /*logits=*/{}, /*progress=*/{}, cancel);
}

void DocumentPass::on_layer(std::int64_t layer, const AttentionInputs& inputs) {
  const LayerTensors<const float> weights = parameters_->layer(layer);
  auto& loss = losses_[static_cast<std::size_t>(layer)];
  if (gradient_ == nullptr) {
    loss = loss_.layer(weights, inputs, *request_, nullptr);
    return;
  }
  const LayerTensors<float> gradient = gradient_->layer(layer);
  loss = loss_.layer(weights, inputs, *request_, &gradient);
}

PassSummary summarize(std::span<const LayerLoss> losses) {
  PassSummary out;
  const auto layers = static_cast<double>(losses.size());
  for (const LayerLoss& layer : losses) {
    out.kl += layer.kl / layers;
    if (layer.recall.rows == 0) continue;
    out.has_recall = true;
    out.recall += layer.recall.indexer / layers;
    out.best += layer.recall.best / layers;
    out.worst_layer = std::min(out.worst_layer, layer.recall.indexer / layer.recall.best);
  }
  return out;
}

}  // namespace dsa::train
