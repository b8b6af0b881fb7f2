#include "rl/train/mla_policy.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"
#include "checkpoint/memory_tensors.h"
#include "kernels/dequantize.h"
#include "rl/train/sequence_run.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"

namespace dsa::rl {
namespace {

using train::StageKind;
using Model = train::MlaModel;

constexpr std::int64_t kMostWatched =
    32;  // sequences of a run whose indexers learn: each has scratch of its own

}  // namespace

MlaPolicy::MlaPolicy(const ModelConfig& config, const Options& options, Exec& exec)
    : Policy(train::mla_weights(config), train::mla_indexer_shape(config), exec),
      config_(config),
      options_(options),
      model_(config,
             {.weights = trained_,
              .gradient = gradient_,
              .indexer = indexer_,
              .indexer_gradient = indexer_gradient_},
             {.max_context = options.context, .products = options.products}, exec, choose_kernels()) {}

void MlaPolicy::read(const TensorSource& source) {
  for (const auto& entry : trained_.entries()) {
    const StoredTensor* stored = source.find(entry.name);
    if (stored == nullptr) fail("the tensor {} is missing", entry.name);
    if (stored->shape != entry.shape)
      fail("{}: {} has another shape than the model", stored->file, entry.name);
    dequantize(stored->type, stored->bytes.data(), trained_.of(entry));
  }
  train::read(indexer_, source);
}

OpenedModel MlaPolicy::snapshot(const std::filesystem::path& path) const {
  auto tensors = std::make_unique<MemoryTensors>("the model in training");
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape,
                       std::span<const float> values) {
    std::ranges::copy(values, tensors->add<float>(name, DType::f32, shape).begin());
  };
  for (const auto& entry : trained_.entries()) add(entry.name, entry.shape, trained_.of(entry));
  train::IndexerTensors indexer = indexer_;
  indexer.for_each(
      [&](const std::string& name, const auto& shape, std::span<float> values) { add(name, shape, values); });
  for (const auto& [name, of] : train::published_twice(config_)) {
    const auto& entry = *trained_.find(of);
    add(name, entry.shape, trained_.of(entry));
  }
  OpenedModel out;
  out.files.path = path;
  out.files.config = config_;
  out.files.tensors = std::move(tensors);
  return out;
}

Model::Replay MlaPolicy::replay(const Request& request, const SequenceRun& run) const {
  Model::Replay out;
  out.selections.resize(usize(config_.num_hidden_layers));
  out.experts.resize(out.selections.size());
  const std::size_t slots = config_.moe ? usize(config_.moe->num_experts_per_tok) : 0;
  for (std::size_t layer = 0; layer < out.selections.size(); ++layer)
    for (std::size_t p = 0; p < run.parts.size(); ++p) {
      const Trace* choices = request.sequences[run.sequences[p]].choices;
      DSA_CHECK(choices != nullptr);  // of a batch all are replayed or none
      const bool selected = layer < choices->selections.size() && !choices->selections[layer].count.empty() &&
                            request.stage == StageKind::sparse;
      out.selections[layer].push_back(selected ? &choices->selections[layer] : nullptr);
      const auto& experts = choices->experts[layer];
      if (experts.empty()) continue;
      const auto shared = static_cast<std::ptrdiff_t>(usize(run.parts[p].shared) * slots);
      out.experts[layer].insert(out.experts[layer].end(), experts.begin() + shared, experts.end());
    }
  return out;
}

bool MlaPolicy::run_some(const Request& request, const SequenceRun& run, bool first, Result& result,
                         const std::atomic<bool>& cancel) {
  const JoinedSequences joined(request, run);
  const bool replayed = std::ranges::any_of(
      run.sequences, [&](std::size_t i) { return request.sequences[i].choices != nullptr; });
  const Model::Replay again = replayed ? replay(request, run) : Model::Replay{};
  const auto gradients = !request.slopes ? Model::Gradients::none
                         : first         ? Model::Gradients::all
                                         : Model::Gradients::more;
  const auto losses = model_.run({.tokens = joined.tokens(),
                                  .parts = run.parts,
                                  .stage = request.stage,
                                  .gradients = gradients,
                                  .token_loss = &joined.loss(),
                                  .replay = replayed ? &again : nullptr,
                                  .frozen_indexers = !request.train_indexers,
                                  .indexer_share = static_cast<double>(run.sequences.size()) /
                                                   static_cast<double>(request.sequences.size())},
                                 cancel);
  if (!losses) return false;
  joined.deal(losses->log_probs, result);
  if (!request.train_indexers || losses->indexers.empty()) return true;
  result.indexers.resize(losses->indexers.size());
  for (std::size_t i = 0; i < losses->indexers.size(); ++i) result.indexers[i].kl += losses->indexers[i].kl;
  return true;
}

std::optional<MlaPolicy::Result> MlaPolicy::run(const Request& request, const std::atomic<bool>& cancel) {
  Result result{.log_probs = std::vector<std::vector<float>>(request.sequences.size())};
  bool first = true;
  for (const SequenceRun& some :
       runs_of(request.sequences, {.rows = options_.run_tokens,
                                  .sequences = request.train_indexers ? kMostWatched : 0,
                                  .share = !request.train_indexers})) {
    if (!run_some(request, some, first, result, cancel)) return std::nullopt;
    first = false;
  }
  return result;
}

std::optional<train::IndexerRecord> MlaPolicy::watch_indexers(std::span<const Sequence> sequences,
                                                              const std::atomic<bool>& cancel) {
  std::vector<Sequence> longer;
  for (const Sequence& s : sequences)
    if (std::ssize(s.tokens) > config_.indexer->topk) longer.push_back({.tokens = s.tokens, .trained = {}});
  train::IndexerRecord out;
  const Request request{.sequences = longer};
  for (const SequenceRun& some :
       runs_of(longer, {.rows = options_.run_tokens, .sequences = kMostWatched, .share = false})) {
    const JoinedSequences joined(request, some);
    const auto losses = model_.run({.tokens = joined.tokens(),
                                    .parts = some.parts,
                                    .stage = StageKind::warmup,
                                    .gradients = Model::Gradients::none,
                                    .recall = true,
                                    .token_loss = &joined.loss()},
                                   cancel);
    if (!losses) return std::nullopt;
    train::add_share(out, train::record_of(losses->indexers),
                     static_cast<double>(some.sequences.size()) / static_cast<double>(longer.size()));
  }
  return out;
}

void MlaPolicy::write(const std::filesystem::path& folder) {
  train::write_pretrained_weights(folder, config_, trained_, indexer_);
}

}  // namespace dsa::rl
