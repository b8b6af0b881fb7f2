#include "train/warmup/document_pass.h"

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
  validate_indexer(indexer, "heads and dim");
  return {.layers = config.num_hidden_layers,
          .hidden = config.hidden_size,
          .heads = heads,
          .dim = dim,
          .rope_dim = indexer.rope_head_dim,
          .k_norm_eps = indexer.k_norm_eps};
}

DocumentPass::DocumentPass(LoadedModel& model, const IndexerShape& shape, std::int64_t max_context,
                           std::int64_t max_rows, Products products)
    : pass_(model),
      rope_(model.config().rope, shape.rope_dim, model.config().max_position_embeddings),
      loss_(shape, loss_sizes(model.config(), max_context, max_rows), rope_, model.exec(),
            *model.transformer().kernels().rows,
            products == Products::bf16 ? model.transformer().kernels().pairs : nullptr),
      losses_(static_cast<std::size_t>(shape.layers)) {
  DSA_CHECK(model.transformer().max_tokens() >= max_context);
  model.transformer().set_hooks(
      {.attention_inputs = [this](std::int64_t layer, const AttentionInputs& inputs) {
        on_layer(layer, inputs);
      }});
}

DocumentPass::~DocumentPass() { pass_.model().transformer().set_hooks({}); }

bool DocumentPass::run(std::span<const std::int32_t> tokens, const LossRequest& request,
                       const IndexerTensors& parameters, const PassTraining* training,
                       const std::atomic<bool>& cancel) {
  request_ = &request;
  parameters_ = &parameters;
  training_ = training;
  return pass_.run(tokens, {.attention = AttentionMode::dense}, /*logits=*/{}, /*progress=*/{}, cancel);
}

void DocumentPass::on_layer(std::int64_t layer, const AttentionInputs& inputs) {
  const LayerTensors<const float> weights = parameters_->layer(layer);
  auto& loss = losses_[static_cast<std::size_t>(layer)];
  loss_.read(inputs);
  if (training_ == nullptr) {
    loss = loss_.layer(weights, *request_, nullptr);
    return;
  }
  const LayerTensors<float> gradient = training_->gradient.layer(layer);
  loss = {};
  double recall_rows = 0;
  for (std::int64_t part = 0; part < training_->updates; ++part) {
    LossRequest request = *request_;
    request.rows = rows_of_part(part);
    if (request.rows.empty()) continue;
    const LayerLoss one = loss_.layer(weights, request, &gradient);
    loss.kl += one.kl * static_cast<double>(request.rows.size()) / static_cast<double>(request_->rows.size());
    loss.recall.rows += one.recall.rows;
    loss.recall.indexer += one.recall.indexer * static_cast<double>(one.recall.rows);
    loss.recall.best += one.recall.best * static_cast<double>(one.recall.rows);
    recall_rows += static_cast<double>(one.recall.rows);
    if (training_->update) training_->update(layer);
  }
  if (recall_rows > 0) loss.recall.indexer /= recall_rows, loss.recall.best /= recall_rows;
}

// Every updates-th row: each part is spread over the whole document.
std::span<const std::int32_t> DocumentPass::rows_of_part(std::int64_t part) {
  const auto& rows = request_->rows;
  if (training_->updates == 1) return rows;
  part_rows_.clear();
  for (auto i = static_cast<std::size_t>(part); i < rows.size();
       i += static_cast<std::size_t>(training_->updates))
    part_rows_.push_back(rows[i]);
  return part_rows_;
}

}  // namespace dsa::train
