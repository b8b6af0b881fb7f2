#include "bench/model_bench.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "base/stopwatch.h"

namespace dsa {
namespace {

constexpr std::uint64_t kTokenSeed = 1;
constexpr std::int64_t kDefaultTopk = 512;
constexpr std::int64_t kComputedPages = 16;  // of a dense cache

OpenedModel checked(OpenedModel model, const RunOptions& run) {
  check_run(run, model.files.config);
  return model;
}

}  // namespace

OpenedBench open_for_bench(const std::filesystem::path& model, const LoadOptions& options,
                           std::optional<RandomIndexerShape> shape) {
  const Stopwatch watch;
  OpenedBench out{.random_indexer = shape.has_value()};
  ModelFiles files = open_model(model);
  if (shape) {
    files.config.indexer =
        random_indexer_config(files.config, *shape, options.topk > 0 ? options.topk : kDefaultTopk);
    set_indexer(options, files.config);
    out.model.files = std::move(files);
    out.model.indexer_tensors = random_indexer_tensors(out.model.files.config);
  } else {
    out.model = with_indexer(std::move(files), options);
  }
  out.open_ms = watch.milliseconds();
  return out;
}

ModelBench::ModelBench(OpenedBench opened, const LoadOptions& options, AttentionMode attention,
                       const std::atomic<bool>& cancel)
    : random_indexer_(opened.random_indexer),
      open_ms_(opened.open_ms),
      model_(checked(std::move(opened.model), {.attention = attention}), options),
      pass_(model_),
      run_{.attention = attention},
      cancel_(cancel) {}

std::int64_t ModelBench::topk() const { return run_.attention == AttentionMode::dense ? 0 : model_.topk(); }

std::string ModelBench::indexer_name() const {
  const auto& indexer = model_.config().indexer;
  if (run_.attention == AttentionMode::dense || !indexer) return "none";
  return fmt::format("{}x{}{}", indexer->n_heads, indexer->head_dim, random_indexer_ ? ", random" : "");
}

PassCost ModelBench::decode_cost(std::int64_t depth, std::int64_t tokens) const {
  return pass_cost(shape_of(model_.transformer()), topk(), {.first = depth, .tokens = tokens});
}

PassCost ModelBench::prefill_cost(std::int64_t depth, std::int64_t tokens) const {
  return pass_cost(shape_of(model_.transformer()), topk(),
                   {.first = depth,
                    .tokens = tokens,
                    .chunk = model_.transformer().max_tokens(),
                    .logits = Logits::of_the_last});
}

bool ModelBench::extend(std::int64_t first, std::int64_t count, bool wants_logits,
                        const SequencePass::VisitProgress& progress) {
  static constexpr CounterRng kIds(kTokenSeed);
  const auto vocab = static_cast<std::uint64_t>(model_.config().vocab_size);
  tokens_.clear();
  for (std::int64_t p = first; p < first + count; ++p)
    tokens_.push_back(static_cast<std::int32_t>(kIds.at(static_cast<std::uint64_t>(p)) % vocab));
  const auto note = [&](std::int64_t done) {
    filled_ = std::max(filled_, done);
    if (progress) progress(done);
  };
  return pass_.extend({.tokens = tokens_,
                       .first = first,
                       .logits_from = wants_logits ? first + count - 1 : SequencePass::kNoLogits,
                       .run = run_},
                      /*logits=*/{}, note, cancel_);
}

bool ModelBench::fill(std::int64_t depth, Fill how, const std::function<void(std::int64_t)>& visit) {
  const bool repeats = how == Fill::automatic && run_.attention == AttentionMode::dense;
  const std::int64_t computed = repeats ? std::min(depth, kComputedPages * kPageTokens) : depth;
  if (filled_ < computed && !extend(filled_, computed - filled_, /*wants_logits=*/false, visit)) return false;
  if (filled_ < depth) repeat_pages(depth);
  return true;
}

// Pages 16 .. become copies of pages 0 .. 15.
void ModelBench::repeat_pages(std::int64_t depth) {
  const std::int64_t first = filled_ / kPageTokens, end = (depth + kPageTokens - 1) / kPageTokens;
  for (std::int64_t i = 0; i < model_.config().num_hidden_layers; ++i) {
    const KvView& layer = model_.transformer().cache().layer(i);
    model_.exec().parallel_for(end - first, 1, [&](std::int64_t p, std::int64_t, int) {
      const auto to = static_cast<std::int32_t>(first + p),
                 from = to % static_cast<std::int32_t>(kComputedPages);
      if (to == from) return;
      std::memcpy(layer.entry(to, 0), layer.entry(from, 0), layer.layout.entries_page_bytes());
      std::memcpy(layer.key_page(to), layer.key_page(from), layer.layout.keys_page_bytes());
    });
  }
  filled_ = depth;
}

Seconds ModelBench::decode(std::int64_t depth, std::int64_t tokens) {
  DSA_CHECK(filled_ >= depth);
  const Stopwatch watch;
  for (std::int64_t i = 0; i < tokens; ++i)
    if (!extend(depth + i, 1, /*wants_logits=*/true)) return std::nullopt;
  return watch.seconds();
}

Seconds ModelBench::prefill(std::int64_t depth, std::int64_t tokens) {
  DSA_CHECK(filled_ >= depth);
  const Stopwatch watch;
  if (!extend(depth, tokens, /*wants_logits=*/true)) return std::nullopt;
  return watch.seconds();
}

}  // namespace dsa
