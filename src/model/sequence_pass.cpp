#include "model/sequence_pass.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace dsa {
namespace {

constexpr std::int64_t kLogitsFloats = std::int64_t{16} << 20;  // of one pass

std::vector<std::int32_t> iota(std::int64_t count) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

}  // namespace

SequencePass::SequencePass(LoadedModel& model)
    : model_(model),
      pages_(iota(model.transformer().cache().pages())),
      wanted_(iota(model.transformer().max_tokens())) {}

bool SequencePass::run(std::span<const std::int32_t> tokens, const RunOptions& run, const VisitLogits& logits,
                       const VisitProgress& progress, const std::atomic<bool>& cancel) {
  return extend({.tokens = tokens, .first = 0, .logits_from = logits ? 0 : kNoLogits, .run = run}, logits,
                progress, cancel);
}

void SequencePass::check(std::span<const std::int32_t> tokens) const {
  if (tokens.empty()) fail("the prompt is empty: give at least one token");
  const std::int64_t vocab = model_.config().vocab_size;
  for (const auto id : tokens)
    if (id < 0 || id >= vocab) fail("token id {} is outside the vocabulary of {}", id, vocab);
  if (static_cast<std::int64_t>(tokens.size()) > model_.context())
    fail("the prompt has {} tokens, the context holds {}: shorten it or raise `context`", tokens.size(),
         model_.context());
}

// As many as the pass takes, and of those that want logits as many as there is room for.
std::int64_t SequencePass::pass_tokens(const Stretch& stretch, std::int64_t first) const {
  const std::int64_t most = model_.transformer().max_tokens();
  const std::int64_t left = stretch.first + static_cast<std::int64_t>(stretch.tokens.size()) - first;
  if (stretch.chunk > 0) return std::min({left, most, stretch.chunk});
  const std::int64_t without = std::max<std::int64_t>(stretch.logits_from - first, 0);
  const std::int64_t with = std::clamp<std::int64_t>(kLogitsFloats / model_.config().vocab_size, 1, most);
  return without >= most ? std::min(left, most) : std::min({left, most, without + with});
}

bool SequencePass::extend(const Stretch& stretch, const VisitLogits& logits, const VisitProgress& progress,
                          const std::atomic<bool>& cancel) {
  const std::int64_t end = stretch.first + static_cast<std::int64_t>(stretch.tokens.size());
  const std::int64_t vocab = model_.config().vocab_size;
  DSA_CHECK(end <= model_.context());
  for (std::int64_t first = stretch.first; first < end;) {
    const std::int64_t count = pass_tokens(stretch, first);
    const std::int64_t with_logits = std::max(first, std::min(stretch.logits_from, first + count));
    const std::int64_t wanted = first + count - with_logits;
    const SequenceSlice slice{
        .tokens = stretch.tokens.subspan(static_cast<std::size_t>(first - stretch.first),
                                         static_cast<std::size_t>(count)),
        .first_position = first,
        .page_table = pages_,
        .logits_rows = std::span(wanted_).subspan(static_cast<std::size_t>(with_logits - first),
                                                  static_cast<std::size_t>(wanted)),
        .run = stretch.run,
        .cancel = &cancel};
    if (const auto needed = static_cast<std::size_t>(wanted * vocab); logits_.size() < needed)
      logits_.resize(needed);
    const TensorView<float, 2> out(logits_.data(), {wanted, vocab});
    SequenceStatus status;
    model_.transformer().forward({.sequences = {&slice, 1}}, out, {&status, 1});
    if (status.outcome == PassOutcome::cancelled) return false;
    if (!status.ok())
      fail("{}: {}", printable(model_.files().path.string(), 1000),
           describe(status, model_.config().num_hidden_layers));
    attention_ += status.attention;
    if (wanted > 0) last_logits_ = out.span(wanted - 1);
    if (wanted > 0 && logits) logits(with_logits, out);
    first += count;
    if (progress) progress(first);
  }
  return true;
}

}  // namespace dsa
