#include "rl/train/gqa_policy.h"

#include <algorithm>

#include "base/error.h"
#include "checkpoint/memory_tensors.h"
#include "rl/train/sequence_run.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/publish.h"

namespace dsa::rl {
namespace {

std::vector<std::int64_t> topk_by_layer(const ModelConfig& config) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    out.push_back(config.indexer ? config.indexer->layer_topk.of(i, config.indexer->topk) : 1);
  return out;
}

}  // namespace

GqaPolicy::GqaPolicy(const ModelFiles& base, const TensorSource* indexer, const Options& options,
                     const Lora& lora, Exec& exec)
    : GqaPolicy(base, indexer, options, lora, exec, train::gqa_weights(base, exec)) {}

GqaPolicy::GqaPolicy(const ModelFiles& base, const TensorSource* indexer, const Options& options,
                     const Lora& lora, Exec& exec, train::FlatTensors weights)
    : Policy(lora.rank > 0 ? train::lora_weights(weights, lora.rank, lora.seed) : weights,
             indexer_shape_of(base.config), exec),
      base_(base),
      options_(options),
      lora_(lora),
      frozen_(lora.rank > 0 ? std::move(weights) : train::FlatTensors()),
      model_(base.config,
             {.weights = lora.rank > 0 ? frozen_ : trained_,
              .trainable = trained_,
              .gradient = gradient_,
              .indexer = indexer_,
              .indexer_gradient = indexer_gradient_},
             {.max_context = options.context,
              .max_rows = std::max(options.context, options.run_tokens),
              .topk = std::ranges::max(topk_by_layer(base.config)),
              .topk_layers = topk_by_layer(base.config),
              .products = options.products},
             exec, choose_kernels()) {
  DSA_CHECK(base.config.indexer.has_value() == (indexer != nullptr));
  if (indexer != nullptr) train::read(indexer_, *indexer);
}

train::FlatTensors GqaPolicy::merged() const {
  if (lora_.rank == 0) return trained_;
  train::FlatTensors out = frozen_;
  train::merge_lora(trained_, out, exec_);
  return out;
}

OpenedModel GqaPolicy::snapshot(const std::filesystem::path& path) const {
  const auto add = [](MemoryTensors& to, const std::string& name, const std::vector<std::int64_t>& shape,
                      std::span<const float> values) {
    std::ranges::copy(values, to.add<float>(name, DType::f32, shape).begin());
  };
  auto tensors = std::make_unique<MemoryTensors>("the model in training");
  const train::FlatTensors weights = merged();
  for (const auto& entry : weights.entries()) add(*tensors, entry.name, entry.shape, weights.of(entry));
  OpenedModel out;
  out.files.path = path;
  out.files.config = base_.config;
  out.files.tensors = std::move(tensors);
  if (!base_.config.indexer) return out;
  auto own = std::make_unique<MemoryTensors>("its indexer");
  train::IndexerTensors indexer = indexer_;
  indexer.for_each([&](const std::string& name, const auto& shape, std::span<float> values) {
    add(*own, name, shape, values);
  });
  out.indexer_tensors = std::move(own);
  return out;
}

void GqaPolicy::write(const std::filesystem::path& folder) {
  std::optional<train::IndexerToPublish> indexer;
  if (const auto& own = base_.config.indexer)
    indexer.emplace(
        train::IndexerToPublish{.topk = own->topk,
                                .layer_topk = own->layer_topk,
                                .trained_context = std::max(own->trained_context, options_.context),
                                .parameters = indexer_});
  train::publish_gqa_model(folder, base_, merged(), indexer);
}

bool GqaPolicy::run_some(const Request& request, const SequenceRun& run, bool first, Result& result,
                         const std::atomic<bool>& cancel) {
  const JoinedSequences joined(request, run);
  std::vector<std::span<const train::Selection>> selections;
  for (const std::size_t i : run.sequences) {
    selections.emplace_back();
    if (const Trace* choices = request.sequences[i].choices) selections.back() = choices->selections;
  }
  using Gradients = train::SparseModel::Gradients;
  const auto losses = model_.run({.tokens = joined.tokens(),
                                  .gradients = !request.slopes ? Gradients::none
                                               : first         ? Gradients::all
                                                               : Gradients::more,
                                  .teacher = {},
                                  .token_loss = &joined.loss(),
                                  .parts = run.parts,
                                  .dense = request.stage == train::StageKind::dense,
                                  .selections = selections},
                                 cancel);
  if (!losses) return false;
  joined.deal(losses->log_probs, result);
  return true;
}

std::optional<Policy::Result> GqaPolicy::run(const Request& request, const std::atomic<bool>& cancel) {
  DSA_CHECK(!request.train_indexers);
  Result result{.log_probs = std::vector<std::vector<float>>(request.sequences.size())};
  bool first = true;
  for (const SequenceRun& some : runs_of(request.sequences, {.rows = options_.run_tokens})) {
    if (!run_some(request, some, first, result, cancel)) return std::nullopt;
    first = false;
  }
  return result;
}

}  // namespace dsa::rl
