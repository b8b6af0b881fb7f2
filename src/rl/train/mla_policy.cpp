#include "rl/train/mla_policy.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"
#include "checkpoint/memory_tensors.h"
#include "kernels/dequantize.h"
#include "train/pretrain/mla_weights.h"
#include "train/pretrain/publish.h"

namespace dsa::rl {
namespace {

using train::StageKind;
using Model = train::MlaModel;

constexpr std::int64_t kShortest = 3;        // that a run takes
constexpr std::int64_t kMostOfAPart = 32;    // sequences: each has scratch of its own
constexpr std::int64_t kUsualSequence = 64;  // tokens; shorter ones are not run in greater numbers

std::int64_t padded(std::size_t tokens) { return std::max(kShortest, static_cast<std::int64_t>(tokens)); }

}  // namespace

MlaPolicy::MlaPolicy(const ModelConfig& config, const Options& options, Exec& exec)
    : Policy(train::mla_weights(config), train::mla_indexer_shape(config), exec),
      config_(config),
      options_(options),
      batch_(std::clamp<std::int64_t>(options.run_tokens / kUsualSequence, 1, kMostOfAPart)),
      model_(config,
             {.weights = trained_,
              .gradient = gradient_,
              .indexer = indexer_,
              .indexer_gradient = indexer_gradient_},
             {.batch = batch_,
              .max_context = std::max(kShortest, options.context),
              .products = options.products},
             exec, choose_kernels()) {}

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

// By length, so that little is filled up.
std::vector<MlaPolicy::Part> MlaPolicy::parts(std::span<const Sequence> sequences) const {
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return sequences[i].tokens.size(); });
  std::vector<Part> out;
  for (const std::size_t i : order) {
    const std::int64_t length = padded(sequences[i].tokens.size());
    DSA_CHECK(length <= std::max(kShortest, options_.context));
    const std::int64_t more = out.empty() ? 0 : std::ssize(out.back().sequences) + 1;
    if (out.empty() || more > batch_ || more * length > options_.run_tokens) out.emplace_back();
    out.back().sequences.push_back(i);
    out.back().context = length;  // they ascend
  }
  return out;
}

Model::Replay MlaPolicy::replay(const Request& request, const Part& part) const {
  Model::Replay out;
  out.selections.resize(usize(config_.num_hidden_layers));
  out.experts.resize(out.selections.size());
  const std::size_t slots = config_.moe ? usize(config_.moe->num_experts_per_tok) : 0;
  for (std::size_t layer = 0; layer < out.selections.size(); ++layer) {
    auto& experts = out.experts[layer];
    for (const std::size_t i : part.sequences) {
      const Sequence& s = request.sequences[i];
      auto& selection = out.selections[layer].emplace_back();
      DSA_CHECK(s.choices != nullptr);  // of a batch all are replayed or none
      if (layer < s.choices->selections.size() && request.stage == StageKind::sparse)
        selection = s.choices->selections[layer];
      const auto& own = s.choices->experts[layer];
      experts.insert(experts.end(), own.begin(), own.end());
      if (own.empty()) continue;
      // Rows that fill up: any experts.
      for (auto row = std::ssize(s.tokens); row < part.context; ++row)
        for (std::size_t slot = 0; slot < slots; ++slot) experts.push_back(static_cast<std::int32_t>(slot));
    }
  }
  return out;
}

MlaPolicy::Filled MlaPolicy::filled(std::span<const Sequence> sequences, const Part& part) {
  Filled out;
  for (const std::size_t i : part.sequences) {
    const Sequence& s = sequences[i];
    const auto begin = static_cast<std::int32_t>(out.tokens.size());
    for (const std::int32_t t : s.trained) out.trained.push_back(begin + t);
    out.tokens.insert(out.tokens.end(), s.tokens.begin(), s.tokens.end());
    out.tokens.resize(usize(begin + part.context));
    out.lengths.push_back(padded(s.tokens.size()));
    out.kept.insert(out.kept.end(), s.kept.begin(), s.kept.end());
  }
  DSA_CHECK(out.kept.empty() || out.kept.size() == out.trained.size());
  return out;
}

bool MlaPolicy::run_part(const Request& request, const Part& part, bool first, Result& result,
                         const std::atomic<bool>& cancel) {
  const Filled in = filled(request.sequences, part);
  const auto each = [&](auto&& visit) {
    std::size_t at = 0;
    for (const std::size_t i : part.sequences) {
      const std::size_t count = request.sequences[i].trained.size();
      visit(i, at, count);
      at += count;
    }
  };
  const Model::TokenLoss loss{.tokens = in.trained,
                              .kept = in.kept,
                              .slopes = [&](std::span<const float> log_probs, std::span<float> slopes) {
                                each([&](std::size_t i, std::size_t at, std::size_t count) {
                                  request.slopes(i, log_probs.subspan(at, count), slopes.subspan(at, count));
                                });
                              }};
  const bool replayed = std::ranges::any_of(
      part.sequences, [&](std::size_t i) { return request.sequences[i].choices != nullptr; });
  const Model::Replay again = replayed ? replay(request, part) : Model::Replay{};
  const auto gradients = !request.slopes ? Model::Gradients::none
                         : first         ? Model::Gradients::all
                                         : Model::Gradients::more;
  const auto losses = model_.run({.tokens = in.tokens,
                                  .context = part.context,
                                  .stage = request.stage,
                                  .gradients = gradients,
                                  .lengths = in.lengths,
                                  .token_loss = &loss,
                                  .replay = replayed ? &again : nullptr,
                                  .frozen_indexers = !request.train_indexers,
                                  .indexer_share = static_cast<double>(part.sequences.size()) /
                                                   static_cast<double>(request.sequences.size())},
                                 cancel);
  if (!losses) return false;
  each([&](std::size_t i, std::size_t at, std::size_t count) {
    const auto begin = losses->log_probs.begin() + static_cast<std::ptrdiff_t>(at);
    result.log_probs[i].assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  });
  if (!request.train_indexers || losses->indexers.empty()) return true;
  result.indexers.resize(losses->indexers.size());
  for (std::size_t i = 0; i < losses->indexers.size(); ++i) result.indexers[i].kl += losses->indexers[i].kl;
  return true;
}

std::optional<MlaPolicy::Result> MlaPolicy::run(const Request& request, const std::atomic<bool>& cancel) {
  Result result{.log_probs = std::vector<std::vector<float>>(request.sequences.size())};
  bool first = true;
  for (const Part& part : parts(request.sequences)) {
    if (!run_part(request, part, first, result, cancel)) return std::nullopt;
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
  const Model::TokenLoss none;
  for (const Part& part : parts(longer)) {
    const Filled in = filled(longer, part);
    const auto losses = model_.run({.tokens = in.tokens,
                                    .context = part.context,
                                    .stage = StageKind::warmup,
                                    .gradients = Model::Gradients::none,
                                    .recall = true,
                                    .lengths = in.lengths,
                                    .token_loss = &none},
                                   cancel);
    if (!losses) return std::nullopt;
    train::add_share(out, train::record_of(losses->indexers),
                     static_cast<double>(part.sequences.size()) / static_cast<double>(longer.size()));
  }
  return out;
}

void MlaPolicy::write(const std::filesystem::path& folder) {
  train::write_pretrained_weights(folder, config_, trained_, indexer_);
}

}  // namespace dsa::rl
