#include "bench/model_bench.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "model/attach_indexer.h"

namespace dsa {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kTokenSeed = 1;
constexpr std::int64_t kDefaultTopk = 512;
constexpr std::int64_t kComputedPages = 16;  // of a dense cache

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

ModelBench::ModelBench(const std::filesystem::path& model, ModelOptions options,
                       std::optional<IndexerShape> shape, const std::atomic<bool>& cancel)
    : options_(std::move(options)),
      exec_(options_.threads > 0 ? options_.threads : Exec::default_threads()),
      cancel_(cancel) {
  const auto start = Clock::now();
  files_ = open_model(model);
  ModelConfig& config = files_.config;
  if (options_.attention == AttentionMode::dense) {
    options_.use_indexer = false;
    options_.topk = 0;
  } else if (shape) {
    const std::int64_t topk = options_.topk > 0 ? options_.topk : kDefaultTopk;
    config.indexer = random_indexer_config(config, *shape, topk);
    random_tensors_ = random_indexer_tensors(config);
  } else {
    indexer_folder_ = attach_indexer(files_, options_);
  }
  const TensorSource* tensors = indexer_folder_ ? indexer_folder_->tensors.get() : random_tensors_.get();
  transformer_ = std::make_unique<Transformer>(files_, options_, choose_kernels(), exec_, tensors);
  load_ms_ = seconds_since(start) * 1000;
  pages_.resize(static_cast<std::size_t>(transformer_->cache().pages()));
  std::iota(pages_.begin(), pages_.end(), 0);
  logits_.resize(static_cast<std::size_t>(config.vocab_size));
}

std::int64_t ModelBench::topk() const {
  if (options_.attention == AttentionMode::dense) return 0;
  return options_.topk > 0 ? options_.topk : files_.config.indexer->topk;
}

std::string ModelBench::indexer_name() const {
  const auto& indexer = files_.config.indexer;
  if (options_.attention == AttentionMode::dense || !indexer) return "none";
  return fmt::format("{}x{}{}", indexer->n_heads, indexer->head_dim, random_tensors_ ? ", random" : "");
}

Cost ModelBench::decode_cost(std::int64_t depth, std::int64_t tokens) const {
  return forward_cost(*transformer_, options_.compute, topk(), {.first = depth, .tokens = tokens});
}

Cost ModelBench::prefill_cost(std::int64_t depth, std::int64_t tokens) const {
  return forward_cost(
      *transformer_, options_.compute, topk(),
      {.first = depth, .tokens = tokens, .chunk = transformer_->max_tokens(), .logits = Logits::of_the_last});
}

bool ModelBench::forward(std::int64_t first, std::int64_t count, bool wants_logits) {
  DSA_CHECK(first + count <= transformer_->max_context());
  static constexpr CounterRng kIds(kTokenSeed);
  const auto vocab = static_cast<std::uint64_t>(files_.config.vocab_size);
  tokens_.clear();
  for (std::int64_t p = first; p < first + count; ++p)
    tokens_.push_back(static_cast<std::int32_t>(kIds.at(static_cast<std::uint64_t>(p)) % vocab));
  const std::array last{static_cast<std::int32_t>(count - 1)};
  const SequenceSlice slice{.tokens = tokens_,
                            .first_position = first,
                            .page_table = pages_,
                            .logits_rows = std::span(last).first(wants_logits ? 1 : 0)};
  SequenceStatus status;
  if (!transformer_->forward({.sequences = {&slice, 1}, .cancel = &cancel_},
                             {logits_.data(), {1, static_cast<std::int64_t>(logits_.size())}}, {&status, 1}))
    return false;
  if (!status.ok())
    fail("{}: a NaN or an infinity at layer {} of token {}: the weights are damaged",
         printable(files_.path.string()), status.bad_layer, status.bad_position);
  filled_ = std::max(filled_, first + count);
  return true;
}

bool ModelBench::fill(std::int64_t depth, Fill how, const std::function<void(std::int64_t)>& visit) {
  const bool repeats = how == Fill::automatic && options_.attention == AttentionMode::dense;
  const std::int64_t computed = repeats ? std::min(depth, kComputedPages * kPageTokens) : depth;
  while (filled_ < computed) {
    if (!forward(filled_, std::min(transformer_->max_tokens(), computed - filled_), /*wants_logits=*/false))
      return false;
    if (visit) visit(filled_);
  }
  if (filled_ < depth) repeat_pages(depth);
  return true;
}

// Pages 16 .. become copies of pages 0 .. 15.
void ModelBench::repeat_pages(std::int64_t depth) {
  const std::int64_t first = filled_ / kPageTokens, end = (depth + kPageTokens - 1) / kPageTokens;
  for (std::int64_t i = 0; i < files_.config.num_hidden_layers; ++i) {
    const KvView& layer = transformer_->cache().layer(i);
    exec_.parallel_for(end - first, 1, [&](std::int64_t p, std::int64_t, int) {
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
  const auto start = Clock::now();
  for (std::int64_t i = 0; i < tokens; ++i)
    if (!forward(depth + i, 1, /*wants_logits=*/true)) return std::nullopt;
  return seconds_since(start);
}

Seconds ModelBench::prefill(std::int64_t depth, std::int64_t tokens) {
  DSA_CHECK(filled_ >= depth);
  const auto start = Clock::now();
  for (std::int64_t done = 0; done < tokens;) {
    const std::int64_t count = std::min(transformer_->max_tokens(), tokens - done);
    if (!forward(depth + done, count, /*wants_logits=*/done + count == tokens)) return std::nullopt;
    done += count;
  }
  return seconds_since(start);
}

}  // namespace dsa
