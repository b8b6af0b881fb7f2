#include "bench/side_by_side.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace dsa {
namespace {

std::int64_t pages_of(std::int64_t tokens) { return (tokens + kPageTokens - 1) / kPageTokens; }

}  // namespace

std::int64_t SequencesAtDepth::cache_tokens(std::int64_t sequences, std::int64_t context) {
  return sequences * pages_of(context) * kPageTokens;
}

std::int64_t SideBySide::shared_tokens(std::int64_t depth) const {
  return shared ? depth / kPageTokens * kPageTokens : 0;
}

SequencesAtDepth::SequencesAtDepth(LoadedModel& model, const SideBySide& side, std::int64_t depth)
    : model_(model),
      depth_(depth),
      slices_(static_cast<std::size_t>(side.sequences)),
      statuses_(static_cast<std::size_t>(side.sequences)),
      logits_(static_cast<std::size_t>(side.sequences * model.config().vocab_size)) {
  const std::int64_t each = pages_of(model.context());
  KvCache& cache = model.transformer().cache();
  DSA_CHECK(side.sequences * each <= cache.pages());
  if (side.sequences > model.transformer().max_tokens())
    fail("{} sequences: a pass of this model takes {} rows at most: fewer, or raise `chunk`", side.sequences,
         model.transformer().max_tokens());
  const std::int64_t same = side.shared_tokens(depth) / kPageTokens;
  std::vector<std::pair<std::int32_t, std::int32_t>> copies;
  for (std::int64_t s = 0; s < side.sequences; ++s) {
    auto& pages = pages_.emplace_back();
    for (std::int64_t p = 0; p < each; ++p) {
      pages.push_back(static_cast<std::int32_t>(p < same ? p : s * each + p));
      // The page that comes next, too: the first to write it would wait for the system.
      if (pages.back() != p && p <= depth / kPageTokens) copies.emplace_back(p, pages.back());
    }
  }
  model.exec().parallel_for(std::ssize(copies), 1, [&](std::int64_t first, std::int64_t end, int) {
    for (std::int64_t i = first; i < end; ++i) {
      const auto& [from, to] = copies[static_cast<std::size_t>(i)];
      cache.copy_page(from, to);
    }
  });
}

bool SequencesAtDepth::decode(std::int64_t position, const std::vector<std::int32_t>& tokens, RunOptions run,
                              const std::atomic<bool>& cancel) {
  static constexpr std::array<std::int32_t, 1> kFirst{0};
  DSA_CHECK(tokens.size() == slices_.size());
  for (std::size_t s = 0; s < slices_.size(); ++s)
    slices_[s] = {.tokens = {&tokens[s], 1},
                  .first_position = position,
                  .page_table = pages_[s],
                  .logits_rows = kFirst,
                  .run = run,
                  .cancel = &cancel};
  const TensorView<float, 2> out(logits_.data(), {std::ssize(slices_), model_.config().vocab_size});
  model_.transformer().forward({.sequences = slices_}, out, statuses_);
  for (const SequenceStatus& status : statuses_) {
    if (status.outcome == PassOutcome::cancelled) return false;
    if (!status.ok())
      fail("{}: {}", printable(model_.files().path.string(), 1000),
           describe(status, model_.config().num_hidden_layers));
  }
  return true;
}

}  // namespace dsa
