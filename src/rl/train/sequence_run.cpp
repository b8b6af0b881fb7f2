#include "rl/train/sequence_run.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kWorthSharing = 4;  // tokens of a beginning

// How many tokens of b a stem a can stand for: none that b is trained on.
std::int64_t shared(const Policy::Sequence& a, const Policy::Sequence& b) {
  std::int64_t most = std::min(std::ssize(a.tokens), std::ssize(b.tokens) - 1), out = 0;
  if (!b.trained.empty()) most = std::min<std::int64_t>(most, b.trained.front());
  while (out < most && a.tokens[usize(out)] == b.tokens[usize(out)]) ++out;
  return out >= kWorthSharing ? out : 0;
}

}  // namespace

// In their order: samples of a task stand beside each other.
std::vector<SequenceRun> runs_of(std::span<const Policy::Sequence> sequences, const RunLimits& limits) {
  std::vector<SequenceRun> out;
  std::int64_t stem = 0;  // of the last run
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const Policy::Sequence& s = sequences[i];
    const std::int64_t length = std::ssize(s.tokens);
    std::int64_t own =
        out.empty() || !limits.share ? 0 : shared(sequences[out.back().sequences[usize(stem)]], s);
    const bool full = !out.empty() && (out.back().rows + length - own > limits.rows ||
                                       std::ssize(out.back().parts) == limits.sequences);
    if (out.empty() || full) {
      out.emplace_back();
      own = 0;
    }
    SequenceRun& run = out.back();
    if (own == 0) stem = std::ssize(run.parts);
    run.parts.push_back({.rows = length - own, .of = own > 0 ? stem : -1, .shared = own});
    run.sequences.push_back(i);
    run.rows += length - own;
  }
  return out;
}

JoinedSequences::JoinedSequences(const Policy::Request& request, const SequenceRun& run)
    : request_(request), run_(run) {
  for (std::size_t p = 0; p < run.parts.size(); ++p) {
    const Policy::Sequence& s = request.sequences[run.sequences[p]];
    const std::int64_t own = run.parts[p].shared;
    const auto begin = static_cast<std::int32_t>(std::ssize(tokens_) - own);
    for (const std::int32_t t : s.trained) trained_.push_back(begin + t);
    tokens_.insert(tokens_.end(), s.tokens.begin() + own, s.tokens.end());
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
