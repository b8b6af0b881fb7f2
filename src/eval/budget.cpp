#include "eval/budget.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/draws.h"
#include "base/numeric.h"
#include "eval/perplexity.h"
#include "eval/softmax.h"

namespace dsa {

std::uint64_t hadamard_runs(std::uint64_t factors) { return std::bit_ceil(factors + 1); }

bool high(std::uint64_t run, std::uint64_t factor) { return std::popcount(run & (factor + 1)) % 2 == 0; }

BudgetMeasure::BudgetMeasure(LoadedModel& model, std::vector<std::int64_t> now, std::int64_t group)
    : model_(model), pass_(model), now_(std::move(now)), group_(usize(group)) {
  DSA_CHECK(model.has_indexer() && std::ssize(now_) == model.config().num_hidden_layers && group >= 1);
}

bool BudgetMeasure::read(const BudgetSample& sample, const std::atomic<bool>& cancel) {
  DSA_CHECK(sample.scored >= 1 && sample.scored <= sample.rows && sample.rows < std::ssize(sample.tokens));
  const auto before = std::span(sample.tokens).first(sample.tokens.size() - usize(sample.rows));
  const RunOptions dense{.attention = AttentionMode::dense};
  return pass_.run(before, dense, /*logits=*/{}, /*progress=*/{}, cancel) &&
         last_rows(sample, dense, dense_, cancel);
}

std::optional<BudgetFigures> BudgetMeasure::run(const BudgetSample& sample, const std::atomic<bool>& cancel) {
  if (!read(sample, cancel)) return std::nullopt;
  BudgetFigures out{.scored = sample.scored, .effect = std::vector<double>(now_.size())};
  const auto as_now = loss(sample, now_, cancel, &out.log_prob);
  if (!as_now) return std::nullopt;
  out.loss = *as_now;
  const std::size_t groups = ceil_div(now_.size(), group_);
  std::vector<std::uint64_t> column(groups);
  std::iota(column.begin(), column.end(), std::uint64_t{0});
  Draws(sample.deal, 0).shuffle(column);
  const std::uint64_t runs = hadamard_runs(groups);
  for (std::uint64_t run = 0; run < runs; ++run) {
    const auto has_more = [&](std::size_t layer) { return high(run, column[layer / group_]); };
    std::vector<std::int64_t> topk = now_;
    for (std::size_t layer = 0; layer < topk.size(); ++layer)
      topk[layer] = has_more(layer) ? 2 * now_[layer] : ceil_div(now_[layer], 2);
    const auto value = loss(sample, topk, cancel);
    if (!value) return std::nullopt;
    for (std::size_t layer = 0; layer < topk.size(); ++layer) {
      const std::size_t first = layer / group_ * group_, sharing = std::min(group_, topk.size() - first);
      const double part = *value * 2 / static_cast<double>(runs * sharing);
      out.effect[layer] += has_more(layer) ? part : -part;
    }
  }
  return out;
}

std::optional<double> BudgetMeasure::loss(const BudgetSample& sample, const std::vector<std::int64_t>& topk,
                                          const std::atomic<bool>& cancel, double* log_prob) {
  model_.transformer().divide_topk(LayerTopk(topk));
  if (!last_rows(sample, {.attention = AttentionMode::sparse}, sparse_, cancel)) return std::nullopt;
  if (log_prob != nullptr) *log_prob = log_prob_of(sample, sparse_) - log_prob_of(sample, dense_);
  const auto vocabulary = usize(model_.config().vocab_size);
  double sum = 0;
  for (std::size_t at = 0; at < dense_.size(); at += vocabulary)
    sum += divergence(std::span(dense_).subspan(at, vocabulary), std::span(sparse_).subspan(at, vocabulary));
  return sum / static_cast<double>(sample.scored);
}

// The last token is predicted, not read.
bool BudgetMeasure::last_rows(const BudgetSample& sample, const RunOptions& run, std::vector<float>& logits,
                              const std::atomic<bool>& cancel) {
  const std::int64_t end = std::ssize(sample.tokens) - 1, first = std::ssize(sample.tokens) - sample.rows;
  const std::int64_t vocabulary = model_.config().vocab_size, scored_from = end - sample.scored;
  logits.resize(usize(sample.scored * vocabulary));
  const auto keep = [&](std::int64_t position, TensorView<const float, 2> rows) {
    for (std::int64_t r = 0; r < rows.rows(); ++r)
      std::ranges::copy(rows.span(r), logits.begin() + (position + r - scored_from) * vocabulary);
  };
  return pass_.extend({.tokens = std::span(sample.tokens).subspan(usize(first), usize(end - first)),
                       .first = first,
                       .logits_from = scored_from,
                       .run = run},
                      keep, /*progress=*/{}, cancel);
}

// Of the scored tokens, nats a token.
double BudgetMeasure::log_prob_of(const BudgetSample& sample, std::span<const float> logits) const {
  const auto vocabulary = usize(model_.config().vocab_size);
  double sum = 0;
  for (const std::int32_t token : std::span(sample.tokens).last(usize(sample.scored))) {
    sum -= token_nll(logits.first(vocabulary), token);
    logits = logits.subspan(vocabulary);
  }
  return sum / static_cast<double>(sample.scored);
}

double divergence(std::span<const float> p_logits, std::span<const float> q_logits) {
  std::vector<float> p(p_logits.begin(), p_logits.end()), q(q_logits.begin(), q_logits.end());
  const double p_sum = exponentials(p), q_sum = exponentials(q);
  const auto p_top = static_cast<double>(std::ranges::max(p_logits)),
             q_top = static_cast<double>(std::ranges::max(q_logits));
  // ln p - ln q = (p's logit - its top - ln of its sum) - (the same of q).
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    sum += static_cast<double>(p[i]) * (static_cast<double>(p_logits[i]) - static_cast<double>(q_logits[i]));
  return sum / p_sum - (p_top - q_top) - std::log(p_sum / q_sum);
}

}  // namespace dsa
