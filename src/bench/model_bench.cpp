#include "bench/model_bench.h"

#include <algorithm>
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

PassCost ModelBench::decode_cost(std::int64_t depth, std::int64_t tokens, const SideBySide& side) const {
  return pass_cost(
      shape_of(model_.transformer()), topk(),
      {.first = depth, .tokens = tokens, .sequences = side.sequences, .shared = side.shared_tokens(depth)});
}

PassCost ModelBench::prefill_cost(std::int64_t depth, std::int64_t tokens) const {
  return pass_cost(shape_of(model_.transformer()), topk(),
                   {.first = depth,
                    .tokens = tokens,
                    .chunk = model_.transformer().max_tokens(),
                    .logits = Logits::of_the_last});
}

std::int32_t ModelBench::token(std::int64_t position, std::int64_t sequence) const {
  static constexpr CounterRng kIds(kTokenSeed);
  const auto counter = static_cast<std::uint64_t>(sequence << 32 | position);
  return static_cast<std::int32_t>(kIds.at(counter) % static_cast<std::uint64_t>(model_.config().vocab_size));
}

bool ModelBench::extend(std::int64_t first, std::int64_t count, bool wants_logits,
                        const SequencePass::VisitProgress& progress) {
  tokens_.clear();
  for (std::int64_t p = first; p < first + count; ++p) tokens_.push_back(token(p));
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
  model_.exec().parallel_for(end - first, 1, [&](std::int64_t begin, std::int64_t last, int) {
    for (auto to = static_cast<std::int32_t>(first + begin); to < first + last; ++to)
      if (const std::int32_t from = to % static_cast<std::int32_t>(kComputedPages); from != to)
        model_.transformer().cache().copy_page(from, to);
  });
  filled_ = depth;
}

SequencesAtDepth ModelBench::at_depth(std::int64_t depth, const SideBySide& side) {
  DSA_CHECK(filled_ >= depth);
  return {model_, side, depth};
}

Seconds ModelBench::decode(SequencesAtDepth& sequences, std::int64_t tokens) {
  std::vector<std::int32_t> next(static_cast<std::size_t>(sequences.count()));
  const Stopwatch watch;
  for (std::int64_t position = sequences.depth(); position < sequences.depth() + tokens; ++position) {
    for (std::int64_t s = 0; s < sequences.count(); ++s)
      next[static_cast<std::size_t>(s)] = token(position, s);
    if (!sequences.decode(position, next, run_, cancel_)) return std::nullopt;
  }
  return watch.seconds();
}

Seconds ModelBench::prefill(std::int64_t depth, std::int64_t tokens) {
  DSA_CHECK(filled_ >= depth);
  const Stopwatch watch;
  if (!extend(depth, tokens, /*wants_logits=*/true)) return std::nullopt;
  return watch.seconds();
}

}  // namespace dsa
