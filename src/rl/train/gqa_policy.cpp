#include "rl/train/gqa_policy.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"
#include "checkpoint/memory_tensors.h"
#include "train/sparse/gqa_weights.h"
#include "train/sparse/publish.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kWorthSharing = 4;  // tokens of a beginning

std::vector<std::int64_t> topk_by_layer(const ModelConfig& config) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i)
    out.push_back(config.indexer ? config.indexer->layer_topk.of(i, config.indexer->topk) : 1);
  return out;
}

// How many tokens of b a stem a can stand for: none that b is trained on.
std::int64_t shared(const Policy::Sequence& a, const Policy::Sequence& b) {
  std::int64_t most = std::min(std::ssize(a.tokens), std::ssize(b.tokens) - 1), out = 0;
  if (!b.trained.empty()) most = std::min<std::int64_t>(most, b.trained.front());
  while (out < most && a.tokens[usize(out)] == b.tokens[usize(out)]) ++out;
  return out >= kWorthSharing ? out : 0;
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

// In their order: samples of a task stand beside each other.
std::vector<GqaPolicy::Part> GqaPolicy::parts(std::span<const Sequence> sequences) const {
  std::vector<Part> out;
  std::int64_t stem = 0;  // of the last part
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& s = sequences[i];
    const std::int64_t length = std::ssize(s.tokens);
    DSA_CHECK(length <= options_.context);
    std::int64_t own = out.empty() ? 0 : shared(sequences[out.back().sequences[usize(stem)]], s);
    if (out.empty() || out.back().rows + length - own > options_.run_tokens) {
      out.emplace_back();
      own = 0;
    }
    Part& part = out.back();
    if (own == 0) stem = std::ssize(part.parts);
    part.parts.push_back({.rows = length - own, .of = own > 0 ? stem : -1, .shared = own});
    part.sequences.push_back(i);
    part.rows += length - own;
  }
  return out;
}

bool GqaPolicy::run_part(const Request& request, const Part& part, bool first, Result& result,
                         const std::atomic<bool>& cancel) {
  std::vector<std::int32_t> tokens, trained;
  std::vector<std::vector<std::int32_t>> kept;
  std::vector<std::span<const train::Selection>> selections;
  std::vector<std::size_t> ends;  // of each sequence's in `trained`
  for (std::size_t p = 0; p < part.parts.size(); ++p) {
    const Sequence& s = request.sequences[part.sequences[p]];
    const std::int64_t own = part.parts[p].shared;
    const auto begin = static_cast<std::int32_t>(std::ssize(tokens) - own);
    for (const std::int32_t t : s.trained) trained.push_back(begin + t);
    tokens.insert(tokens.end(), s.tokens.begin() + own, s.tokens.end());
    kept.insert(kept.end(), s.kept.begin(), s.kept.end());
    ends.push_back(trained.size());
    selections.emplace_back();
    if (s.choices != nullptr) selections.back() = s.choices->selections;
  }
  DSA_CHECK(kept.empty() || kept.size() == trained.size());
  const auto each = [&](auto&& visit) {
    for (std::size_t p = 0, at = 0; p < ends.size(); at = ends[p++])
      visit(part.sequences[p], at, ends[p] - at);
  };
  const train::TokenLoss loss{.tokens = trained,
                              .kept = kept,
                              .slopes = [&](std::span<const float> log_probs, std::span<float> slopes) {
                                each([&](std::size_t i, std::size_t at, std::size_t count) {
                                  request.slopes(i, log_probs.subspan(at, count), slopes.subspan(at, count));
                                });
                              }};
  using Gradients = train::SparseModel::Gradients;
  const auto losses = model_.run({.tokens = tokens,
                                  .gradients = !request.slopes ? Gradients::none
                                               : first         ? Gradients::all
                                                               : Gradients::more,
                                  .teacher = {},
                                  .token_loss = &loss,
                                  .parts = part.parts,
                                  .dense = request.stage == train::StageKind::dense,
                                  .selections = selections},
                                 cancel);
  if (!losses) return false;
  each([&](std::size_t i, std::size_t at, std::size_t count) {
    const auto begin = losses->log_probs.begin() + static_cast<std::ptrdiff_t>(at);
    result.log_probs[i].assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  });
  return true;
}

std::optional<Policy::Result> GqaPolicy::run(const Request& request, const std::atomic<bool>& cancel) {
  DSA_CHECK(!request.train_indexers);
  Result result{.log_probs = std::vector<std::vector<float>>(request.sequences.size())};
  bool first = true;
  for (const Part& part : parts(request.sequences)) {
    if (!run_part(request, part, first, result, cancel)) return std::nullopt;
    first = false;
  }
  return result;
}

}  // namespace dsa::rl
