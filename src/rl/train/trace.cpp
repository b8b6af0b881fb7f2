#include "rl/train/trace.h"

#include <algorithm>

#include "base/numeric.h"
#include "model/sequence_pass.h"
#include "sampling/log_probs.h"

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

}  // namespace

std::optional<Trace> trace(LoadedModel& model, std::span<const std::int32_t> tokens,
                           std::span<const std::int32_t> written, const RunOptions& run,
                           const std::atomic<bool>& cancel) {
  Trace out;
  out.selections.resize(usize(model.config().num_hidden_layers));
  out.experts.resize(out.selections.size());
  model.transformer().set_hooks(noting(out));
  SequencePass pass(model);
  const std::int64_t from = written.empty() ? SequencePass::kNoLogits : written.front() - 1;
  auto next = written.begin();
  const bool whole = pass.extend(
      {.tokens = tokens, .first = 0, .logits_from = from, .run = run},
      [&](std::int64_t first, TensorView<const float, 2> logits) {
        for (; next != written.end() && *next - 1 < first + logits.rows(); ++next)
          out.log_probs.push_back(
              log_probs(logits.span(*next - 1 - first), tokens[usize(*next)], 0).log_prob);
      },
      {}, cancel);
  model.transformer().set_hooks({});
  if (!whole) return std::nullopt;
  std::erase_if(out.selections, [](const auto& s) { return s.count.empty() || s.count.front() == 0; });
  return out;
}

}  // namespace dsa::rl
