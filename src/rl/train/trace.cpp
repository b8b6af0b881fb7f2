#include "rl/train/trace.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"
#include "model/sequence_pass.h"
#include "sampling/log_probs.h"
#include "sampling/sampler.h"

namespace dsa::rl {
namespace {

// Hooks that note down what is chosen; `out` must outlive the passes.
ForwardHooks noting(Trace& out) {
  ForwardHooks hooks;
  hooks.selection = [&out](std::int64_t layer, TensorView<std::int32_t, 2> idx,
                           std::span<std::int32_t> count) {
    auto& to = out.selections[usize(layer)];
    to.topk = idx.cols();
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

std::optional<Trace> trace(LoadedModel& model, const TraceOrder& order, const std::atomic<bool>& cancel) {
  Trace out;
  out.selections.resize(usize(model.config().num_hidden_layers));
  out.experts.resize(out.selections.size());
  Chances chances(order, model.config().vocab_size, out);
  model.transformer().set_hooks(noting(out));
  SequencePass pass(model);
  const std::int64_t from = order.written.empty() ? SequencePass::kNoLogits : order.written.front() - 1;
  auto next = order.written.begin();
  const bool whole = pass.extend(
      {.tokens = order.tokens, .first = 0, .logits_from = from, .run = order.run},
      [&](std::int64_t first, TensorView<const float, 2> logits) {
        for (; next != order.written.end() && *next - 1 < first + logits.rows(); ++next)
          chances.add(logits.span(*next - 1 - first), order.tokens[usize(*next)]);
      },
      {}, cancel);
  model.transformer().set_hooks({});
  if (!whole) return std::nullopt;
  std::erase_if(out.selections, [](const auto& s) { return s.count.empty() || s.count.front() == 0; });
  return out;
}

}  // namespace dsa::rl
