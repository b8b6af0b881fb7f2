#include "model/transformer.h"

#include <algorithm>
#include <bit>

#include "base/log.h"
#include "checkpoint/tensor_names.h"
#include "model/opened_model.h"

namespace dsa {
namespace {

// The demo rotates and rounds the indexer's vectors where attention is stored in FP8, and there alone
// (Attention::rounds_like_demo).
bool demo_rotates(const ModelFiles& files) {
  for (std::int64_t i = 0; i < files.config.num_hidden_layers; ++i) {
    const auto name = tensor_names::weight(tensor_names::layer(i).kv_a_proj_with_mqa);
    const StoredTensor* stored = files.tensors->find(name);
    if (stored != nullptr && stored->type == DType::f8_e4m3) return true;
  }
  return false;
}

// The configuration, if the options can be met.
const ModelConfig& checked(const ModelFiles& files, const LoadOptions& options) {
  const ModelConfig& config = files.config;
  check_run({.topk = options.topk}, config);
  if (options.compute == Compute::demo && config.indexer && demo_rotates(files) &&
      !std::has_single_bit(static_cast<std::uint64_t>(config.indexer->head_dim)))
    fail("`compute` demo: index_head_dim {} is not a power of two, which the demo's Hadamard rotation needs",
         config.indexer->head_dim);
  if (options.context > config.max_position_embeddings)
    warn("`context` {} is past the {} positions that the model was trained at", options.context,
         config.max_position_embeddings);
  return config;
}

std::int64_t rope_width(const ModelConfig& config) {
  return config.mla ? config.mla->qk_rope_head_dim : config.head_dim;
}

}  // namespace

Transformer::Transformer(const ModelFiles& files, const LoadOptions& options, const KernelTable& kernels,
                         Exec& exec, const TensorSource* indexer_tensors)
    : config_(checked(files, options)),
      compute_(options.compute),
      kernels_(kernels),
      exec_(exec),
      sizes_(load_sizes(config_, options, exec.threads())),
      weights_(load_weights(config_, *files.tensors, indexer_tensors, kernels, options.compute, exec,
                            options.mtp)),
      cache_(config_, options.compute, sizes_.cache_pages()),
      rope_(config_.rope, rope_width(config_), config_.max_position_embeddings),
      index_rope_(config_.rope, config_.indexer ? config_.indexer->rope_head_dim : rope_width(config_),
                  config_.max_position_embeddings),
      act_(config_, sizes_.activations(exec.threads())),
      check_batch_({.rows = sizes_.rows,
                    .vocabulary = config_.vocab_size,
                    .context = sizes_.context,
                    .pages = sizes_.cache_pages(),
                    .topk = sizes_.topk}) {
  for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i)
    blocks_.emplace_back(weights_.layers[static_cast<std::size_t>(i)], cache_.layer(i), i);
  if (weights_.mtp)
    mtp_ = std::make_unique<Mtp>(Mtp::Model{.config = config_,
                                            .weights = weights_,
                                            .rope = rope_,
                                            .act = act_,
                                            .kernels = kernels_,
                                            .exec = exec_,
                                            .compute = compute_},
                                 sizes_);
  const auto rows = usize(sizes_.rows);
  rows_.resize(rows);
  positions_.resize(rows);
  tokens_.resize(rows);
  wanted_.reserve(rows);
  not_finite_.resize(rows);
  logits_not_finite_.resize(rows);
  plan_.reserve(sizes_.rows);
}

void Transformer::forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) {
  check_batch_(batch, status);
  const std::int64_t n = place_rows(batch, status);
  if (n == 0) return;
  Step step{.exec = exec_,
            .kernels = kernels_,
            .config = config_,
            .act = act_,
            .hooks = hooks_,
            .plan = plan_,
            .compute = compute_,
            .n = n,
            .rows = std::span<const KvRow>(rows_).first(static_cast<std::size_t>(n)),
            .indexer_ms = indexer_ms_};
  const auto positions = std::span<const std::int64_t>(positions_).first(static_cast<std::size_t>(n));
  kernels_.rope_angles(exec_, rope_.angles(positions, step.of(act_.cos_sin)));
  if (config_.indexer)
    kernels_.rope_angles(exec_, index_rope_.angles(positions, step.of(act_.index_cos_sin)));
  kernels_.embedding(exec_, {.table = weights_.embed_tokens.weight,
                             .ids = std::span<const std::int32_t>(tokens_).first(static_cast<std::size_t>(n)),
                             .out = step.of(act_.x)});
  const auto not_finite = std::span(not_finite_).first(static_cast<std::size_t>(n));
  std::ranges::fill(not_finite, -1);
  const bool narrows = last_layer_narrows(batch, n);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    if (note_cancelled(batch, status)) return;
    plan_.enter(static_cast<std::int64_t>(i));
    if (narrows && i + 1 == blocks_.size()) {
      plan_.keep(wanted_);
      step.kept = wanted_;
    }
    blocks_[i].forward(step);
    if (step.kept) continue;
    if (hooks_.layer_output) hooks_.layer_output(static_cast<std::int64_t>(i), step.of(act_.x));
    kernels_.mark_not_finite(
        exec_, {.x = step.of(act_.x), .mark = static_cast<std::int32_t>(i), .found = not_finite});
  }
  output_logits(narrows, logits);
  note_not_finite(batch, status);
  show_mtp(batch, status);
}

void Transformer::check(const RunOptions& run) const {
  check_run(run, config_);
  if (run.topk > sizes_.topk)
    fail("`index_topk` {}: this model was loaded to select at most {} tokens", run.topk, sizes_.topk);
}

void Transformer::divide_topk(const LayerTopk& layers) {
  DSA_CHECK(config_.indexer && !layers.uniform() && std::ssize(layers.list()) == config_.num_hidden_layers);
  DSA_CHECK(std::min(layers.most(layers.mean()), sizes_.context) <= sizes_.widest);
  config_.indexer->layer_topk = layers;
  sizes_.topk = layers.mean();
}

std::int64_t Transformer::place_rows(const Batch& batch, std::span<SequenceStatus> status) {
  plan_.clear();
  wanted_.clear();
  std::int64_t n = 0;
  for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
    const SequenceSlice& s = batch.sequences[i];
    if (status[i].outcome == PassOutcome::refused) continue;
    const auto count = static_cast<std::int64_t>(s.tokens.size());
    for (const auto row : s.logits_rows) wanted_.push_back(static_cast<std::int32_t>(n) + row);
    status[i] = {.attention = plan_.add(s, selection_rule(s.run), config_.num_hidden_layers)};
    for (std::int64_t t = 0; t < count; ++t, ++n) {
      const auto row = static_cast<std::size_t>(n);
      tokens_[row] = s.tokens[static_cast<std::size_t>(t)];
      positions_[row] = s.first_position + t;
      rows_[row] = {.pages = s.page_table.data(), .visible = s.first_position + t + 1};
    }
  }
  return n;
}

// True once no sequence is left to go on for.
bool Transformer::note_cancelled(const Batch& batch, std::span<SequenceStatus> status) {
  bool all = true;
  for (std::size_t i = 0; i < status.size(); ++i) {
    const auto* cancel = batch.sequences[i].cancel;
    if (status[i].ok() && cancel != nullptr && cancel->load(std::memory_order_relaxed))
      status[i] = {.outcome = PassOutcome::cancelled};
    const PassOutcome outcome = status[i].outcome;
    all = all && (outcome == PassOutcome::cancelled || outcome == PassOutcome::refused);
  }
  return all;
}

// Whether rows that want no logits have nothing to do in the last layer but to write the cache.
bool Transformer::last_layer_narrows(const Batch& batch, std::int64_t n) const {
  if (std::ssize(wanted_) == n || hooks_.selection || hooks_.routing || hooks_.layer_output) return false;
  return !mtp_ ||
         std::ranges::none_of(batch.sequences, [](const auto& s) { return s.mtp_place.has_value(); });
}

// `narrowed`: x holds the wanted rows alone.
void Transformer::output_logits(bool narrowed, TensorView<float, 2> logits) {
  if (wanted_.empty()) return;
  const std::int64_t wanted = std::ssize(wanted_);
  DSA_CHECK(logits.rows() >= wanted);
  const auto last = act_.last.slice(0, wanted), out = logits.slice(0, wanted);
  const auto not_finite = std::span(logits_not_finite_).first(wanted_.size());
  std::ranges::fill(not_finite, -1);
  if (!narrowed) kernels_.gather_rows(exec_, {.x = act_.x, .rows = wanted_, .y = last});
  const auto x = narrowed ? act_.x.slice(0, wanted) : last;
  if (narrowed)
    kernels_.mark_not_finite(
        exec_,
        {.x = x, .mark = static_cast<std::int32_t>(config_.num_hidden_layers - 1), .found = not_finite});
  kernels_.rms_norm(
      exec_, {.x = x, .weight = weights_.norm, .eps = static_cast<float>(config_.rms_norm_eps), .y = last});
  kernels_.linear(exec_, {.x = last,
                          .outputs = std::array{output(weights_.lm_head, out)},
                          .compute = compute_,
                          .scratch = act_.linear_scratch});
  kernels_.mark_not_finite(
      exec_, {.x = out, .mark = static_cast<std::int32_t>(config_.num_hidden_layers), .found = not_finite});
}

// Of each sequence the first layer that put an infinity or a NaN into one of its rows, and the first of them.
void Transformer::note_not_finite(const Batch& batch, std::span<SequenceStatus> status) const {
  std::size_t row = 0, wanted = 0;
  for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
    if (status[i].outcome == PassOutcome::refused) continue;
    const SequenceSlice& s = batch.sequences[i];
    const auto note = [&](std::int64_t layer, std::int64_t position) {
      if (layer < 0) return;
      SequenceStatus& found = status[i];
      if (found.ok() || (found.outcome == PassOutcome::not_finite && layer < found.bad_layer))
        found = {.outcome = PassOutcome::not_finite, .bad_layer = layer, .bad_position = position};
    };
    for (std::size_t t = 0; t < s.tokens.size(); ++t, ++row) note(not_finite_[row], positions_[row]);
    for (const auto r : s.logits_rows) note(logits_not_finite_[wanted++], s.first_position + r);
  }
}

void Transformer::show_mtp(const Batch& batch, std::span<const SequenceStatus> status) {
  std::int64_t row = 0;
  for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
    if (status[i].outcome == PassOutcome::refused) continue;
    const SequenceSlice& s = batch.sequences[i];
    const auto count = std::ssize(s.tokens);
    if (mtp_ && s.mtp_place) mtp_->see(*s.mtp_place, s.first_position, act_.x.slice(row, count));
    row += count;
  }
}

}  // namespace dsa
