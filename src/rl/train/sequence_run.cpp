#include "rl/train/sequence_run.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kWorthSharing = 4;  // tokens of a beginning

// How many tokens of b are a's.  The last one is b's own: of every part something is computed.
std::int64_t common(const Policy::Sequence& a, const Policy::Sequence& b) {
  const std::int64_t most = std::min(std::ssize(a.tokens), std::ssize(b.tokens) - 1);
  std::int64_t out = 0;
  while (out < most && a.tokens[usize(out)] == b.tokens[usize(out)]) ++out;
  return out >= kWorthSharing ? out : 0;
}

}  // namespace

// In their order: samples of a task stand beside each other.
std::vector<SequenceRun> runs_of(std::span<const Policy::Sequence> sequences, const RunLimits& limits) {
  std::vector<SequenceRun> out;
  std::int64_t stem = 0;  // of the last run: the last part that shares nothing
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const std::int64_t length = std::ssize(sequences[i].tokens);
    train::SequencePart part{.rows = length};
    for (std::int64_t p = stem; limits.share && !out.empty() && p < std::ssize(out.back().parts); ++p)
      if (const std::int64_t own = common(sequences[out.back().sequences[usize(p)]], sequences[i]);
          own > part.shared)
        part = {.rows = length - own, .of = p, .shared = own};
    const bool full = !out.empty() && (out.back().rows + part.rows > limits.rows ||
                                       std::ssize(out.back().parts) == limits.sequences);
    if (out.empty() || full) {
      out.emplace_back();
      part = {.rows = length};
    }
    SequenceRun& run = out.back();
    if (part.shared == 0) stem = std::ssize(run.parts);
    run.parts.push_back(part);
    run.sequences.push_back(i);
    run.rows += part.rows;
  }
  return out;
}

JoinedSequences::JoinedSequences(const Policy::Request& request, const SequenceRun& run)
    : request_(request), run_(run) {
  const train::JoinedRows rows(run.parts);
  for (std::size_t p = 0; p < run.parts.size(); ++p) {
    const Policy::Sequence& s = request.sequences[run.sequences[p]];
    for (const std::int32_t t : s.trained)
      trained_.push_back(static_cast<std::int32_t>(rows.row(static_cast<std::int64_t>(p), t)));
    tokens_.insert(tokens_.end(), s.tokens.begin() + run.parts[p].shared, s.tokens.end());
    kept_.insert(kept_.end(), s.kept.begin(), s.kept.end());
  }
  DSA_CHECK(kept_.empty() || kept_.size() == trained_.size());
  loss_ = {.tokens = trained_,
           .kept = kept_,
           .slopes = [this](std::span<const float> log_probs, std::span<float> slopes) {
             each([&](std::size_t i, std::size_t at, std::size_t count) {
               request_.slopes(i, log_probs.subspan(at, count), slopes.subspan(at, count));
             });
           }};
}

template <class Visit>
void JoinedSequences::each(Visit&& visit) const {
  std::size_t at = 0;
  for (const std::size_t i : run_.sequences) {
    const std::size_t count = request_.sequences[i].trained.size();
    visit(i, at, count);
    at += count;
  }
}

void JoinedSequences::deal(std::span<const float> log_probs, Policy::Result& to) const {
  each([&](std::size_t i, std::size_t at, std::size_t count) {
    const auto own = log_probs.subspan(at, count);
    to.log_probs[i].assign(own.begin(), own.end());
  });
}

}  // namespace dsa::rl
