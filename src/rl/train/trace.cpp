#include "rl/train/trace.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"
#include "sampling/log_probs.h"
#include "sampling/sampler.h"

namespace dsa::rl {
namespace {

// Of tokens one after the other: log-probabilities over what each was chosen from.
class Chances {
 public:
  Chances(const TraceOrder& order, std::int64_t vocabulary, Trace& out)
      : order_(order),
        out_(out),
        sampler_({.temperature = 1, .top_p = order.top_p, .seed = 0}, vocabulary),
        scratch_(vocabulary) {}

  void add(std::span<const float> logits, std::int32_t id) {
    const std::size_t i = out_.log_probs.size();
    if (order_.kept.empty() && order_.top_p >= 1) {
      out_.log_probs.push_back(log_probs(logits, id, 0).log_prob);
      return;
    }
    out_.kept.push_back(order_.kept.empty() ? chosen_from(logits) : order_.kept[i]);
    std::vector<float> own;
    std::int32_t at = -1;
    for (const std::int32_t one : out_.kept.back()) {
      if (one == id) at = static_cast<std::int32_t>(own.size());
      own.push_back(logits[usize(one)]);
    }
    if (at < 0) fail("token {} of an episode could not have been chosen there", id);
    out_.log_probs.push_back(log_probs(own, at, 0).log_prob);
  }

 private:
  // What the sampler has left when it draws: the same logits leave the same.
  std::vector<std::int32_t> chosen_from(std::span<const float> logits) {
    std::vector<float> copy(logits.begin(), logits.end());
    static_cast<void>(sampler_.sample(scratch_, copy, {}, {}));
    std::vector<std::int32_t> out;
    for (const auto& candidate : scratch_.candidates) out.push_back(candidate.id);
    return out;
  }

  const TraceOrder& order_;
  Trace& out_;
  Sampler sampler_;
  SamplerScratch scratch_;
};

}  // namespace

void see_all(dsa::train::Selection& selection, std::int64_t end) {
  DSA_CHECK(end <= selection.topk || std::ssize(selection.count) >= end);
  for (auto t = std::ssize(selection.count); t < end; ++t) {
    selection.count.push_back(static_cast<std::int32_t>(t + 1));
    for (std::int64_t i = 0; i < selection.topk; ++i)
      selection.idx.push_back(i <= t ? static_cast<std::int32_t>(i) : -1);
  }
}

ForwardHooks noting(Trace& out, const std::int64_t& done) {
  ForwardHooks hooks;
  hooks.selection = [&](std::int64_t layer, TensorView<std::int32_t, 2> idx, std::span<std::int32_t> count) {
    auto& to = out.selections[usize(layer)];
    to.topk = idx.cols();
    see_all(to, done);
    for (std::int64_t row = 0; row < idx.rows(); ++row) {
      const auto selected = idx.span(row);
      to.idx.insert(to.idx.end(), selected.begin(), selected.end());
    }
    to.count.insert(to.count.end(), count.begin(), count.begin() + idx.rows());
  };
  hooks.routing = [&out](std::int64_t layer, TensorView<const float, 2>, TensorView<std::int32_t, 2> ids,
                         TensorView<float, 2>) {
    auto& to = out.experts[usize(layer)];
    for (std::int64_t row = 0; row < ids.rows(); ++row) {
      const auto chosen = ids.span(row);
      to.insert(to.end(), chosen.begin(), chosen.end());
    }
  };
  return hooks;
}

Tracer::Tracer(LoadedModel& model, const RunOptions& run) : model_(model), run_(run), pass_(model) {
  last_.selections.resize(usize(model.config().num_hidden_layers));
  last_.experts.resize(last_.selections.size());
}

std::int64_t Tracer::known(const TraceOrder& order) const {
  const auto end =
      order.written.empty() ? order.tokens.end() - 1 : order.tokens.begin() + order.written.front() - 1;
  return std::ranges::mismatch(order.tokens.begin(), end, tokens_.begin(), tokens_.end()).in1 -
         order.tokens.begin();
}

std::optional<Trace> Tracer::read(const TraceOrder& order, const std::atomic<bool>& cancel) {
  const std::int64_t first = known(order);
  for (auto& selection : last_.selections) {
    const std::int64_t rows = std::min(first, std::ssize(selection.count));
    selection.count.resize(usize(rows));
    selection.idx.resize(usize(rows * selection.topk));
  }
  for (auto& experts : last_.experts)
    experts.resize(tokens_.empty() ? 0 : experts.size() / tokens_.size() * usize(first));
  tokens_.clear();  // unless all is read

  Trace out;
  Chances chances(order, model_.config().vocab_size, out);
  std::int64_t done = first;
  model_.transformer().set_hooks(noting(last_, done));
  const std::int64_t from = order.written.empty() ? SequencePass::kNoLogits : order.written.front() - 1;
  auto next = order.written.begin();
  const bool whole = pass_.extend(
      {.tokens = order.tokens.subspan(usize(first)), .first = first, .logits_from = from, .run = run_},
      [&](std::int64_t row, TensorView<const float, 2> logits) {
        for (; next != order.written.end() && *next - 1 < row + logits.rows(); ++next)
          chances.add(logits.span(*next - 1 - row), order.tokens[usize(*next)]);
      },
      [&](std::int64_t tokens) { done = tokens; }, cancel);
  model_.transformer().set_hooks({});
  if (!whole) return std::nullopt;
  tokens_.assign(order.tokens.begin(), order.tokens.end());
  for (auto& selection : last_.selections)
    if (!selection.count.empty()) see_all(selection, done);
  if (std::ranges::any_of(last_.selections, [](const auto& layer) { return !layer.count.empty(); }))
    out.selections = last_.selections;
  out.experts = last_.experts;
  return out;
}

}  // namespace dsa::rl
