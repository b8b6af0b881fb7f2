#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "base/error.h"

namespace dsa {
namespace {

using Candidate = SamplerScratch::Candidate;
using Candidates = std::vector<Candidate>;
using Ids = std::span<const std::int32_t>;

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::optional<std::int32_t> greedy(std::span<const float> logits) {
  std::optional<std::int32_t> best;
  for (std::size_t id = 0; id < logits.size(); ++id)
    if (std::isfinite(logits[id]) && (!best || logits[id] > logits[static_cast<std::size_t>(*best)]))
      best = static_cast<std::int32_t>(id);
  return best;
}

// Each token of the history once, so that the cost is one walk over it.  Only the repetition penalty looks at
// the prompt, which may be long.
void penalise(SamplerScratch& scratch, const SamplingParams& params, std::span<float> logits, Ids prompt,
              Ids answer) {
  const double presence = params.presence_penalty;
  const double frequency = params.frequency_penalty;
  const double repetition = params.repetition_penalty;
  const auto note = [&](Ids ids, std::int32_t times) {
    for (const std::int32_t id : ids) {
      if (!std::in_range<std::size_t>(id) || std::size_t(id) >= logits.size()) continue;
      std::int32_t& count = scratch.counts[static_cast<std::size_t>(id)];
      if (count == SamplerScratch::kUnseen) {
        count = 0;
        scratch.history.push_back(id);
      }
      count += times;
    }
  };
  if (repetition != 1) note(prompt, 0);
  if (repetition != 1 || presence != 0 || frequency != 0) note(answer, 1);

  for (const std::int32_t id : scratch.history) {
    const auto i = static_cast<std::size_t>(id);
    const std::int32_t count = std::exchange(scratch.counts[i], SamplerScratch::kUnseen);
    double logit = logits[i];
    logit = logit > 0 ? logit / repetition : logit * repetition;
    if (count > 0) logit -= presence + frequency * count;
    logits[i] = static_cast<float>(logit);
  }
  scratch.history.clear();
}

bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// Temperature does not change the order of the logits, so it may come after this step.
void keep_top_k(Candidates& candidates, std::int64_t top_k) {
  const auto k = static_cast<std::size_t>(top_k);
  if (k == 0 || k >= candidates.size()) return;
  std::nth_element(candidates.begin(), candidates.begin() + top_k, candidates.end(), better);
  candidates.resize(k);
  std::sort(candidates.begin(), candidates.end(), better);
}

void weigh(Candidates& candidates, double temperature) {
  float best = candidates.front().logit;
  for (const Candidate& c : candidates) best = std::max(best, c.logit);
  // In double, where neither the difference of two floats nor 1 / 1e-45 can overflow.
  const double inverse = 1 / temperature;
  for (Candidate& c : candidates)
    c.weight = std::exp(static_cast<float>(std::max((double{c.logit} - double{best}) * inverse, -200.0)));
}

void keep_top_p(Candidates& candidates, double top_p) {
  if (top_p >= 1) return;
  double total = 0;
  for (const Candidate& c : candidates) total += c.weight;
  // All tokens below this weight together weigh less than (1 - top_p) of the total, so none of them is needed
  // to reach top_p: they go before the sort, which is what makes it cheap.
  const double floor = (1 - top_p) * total / static_cast<double>(candidates.size());
  std::erase_if(candidates, [&](const Candidate& c) { return c.weight < floor; });
  std::sort(candidates.begin(), candidates.end(), better);
  double sum = 0;
  std::size_t keep = 0;
  while (keep < candidates.size() && (keep == 0 || sum < top_p * total)) sum += candidates[keep++].weight;
  candidates.resize(keep);
}

void keep_min_p(Candidates& candidates, double min_p) {
  if (min_p <= 0) return;
  std::erase_if(candidates, [&](const Candidate& c) { return c.weight < min_p; });  // the best weighs 1
}

std::int32_t draw(const Candidates& candidates, double unit) {
  double total = 0;
  for (const Candidate& c : candidates) total += c.weight;
  double left = unit * total;
  const Candidate* last = nullptr;
  for (const Candidate& c : candidates) {
    if (c.weight <= 0) continue;
    last = &c;
    left -= c.weight;
    if (left < 0) break;
  }
  return last->id;  // the best candidate weighs 1, so there is one
}

}  // namespace

SamplerScratch::SamplerScratch(std::int64_t vocab_size)
    : counts(static_cast<std::size_t>(vocab_size), kUnseen) {
  DSA_CHECK(vocab_size > 0);
  candidates.reserve(counts.size());
  history.reserve(counts.size());
}

Sampler::Sampler(SamplingParams params, std::int64_t vocab_size)
    : params_(std::move(params)),
      vocab_size_(vocab_size),
      seed_(params_.seed ? *params_.seed : random_seed()),
      rng_(seed_) {
  DSA_CHECK(vocab_size > 0);
  params_.validate(vocab_size);
}

std::optional<std::int32_t> Sampler::sample(SamplerScratch& scratch, std::span<float> logits, Ids prompt,
                                            Ids answer) const {
  DSA_CHECK(std::cmp_equal(logits.size(), vocab_size_) && logits.size() == scratch.counts.size());
  for (const LogitBias& b : params_.logit_bias)
    logits[static_cast<std::size_t>(b.id)] += static_cast<float>(b.bias);
  penalise(scratch, params_, logits, prompt, answer);
  if (params_.temperature == 0) return greedy(logits);

  Candidates& candidates = scratch.candidates;
  candidates.clear();
  for (std::size_t id = 0; id < logits.size(); ++id)
    if (std::isfinite(logits[id])) candidates.push_back({logits[id], static_cast<std::int32_t>(id), 0});
  if (candidates.empty()) return std::nullopt;
  keep_top_k(candidates, params_.top_k);
  weigh(candidates, params_.temperature);
  keep_top_p(candidates, params_.top_p);
  keep_min_p(candidates, params_.min_p);
  return draw(candidates, rng_.unit(answer.size()));
}

}  // namespace dsa
