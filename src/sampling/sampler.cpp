#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "base/error.h"

namespace dsa {
namespace {

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

}  // namespace

Sampler::Sampler(SamplingParams params, std::int64_t vocab_size)
    : params_(std::move(params)),
      seed_(params_.seed ? *params_.seed : random_seed()),
      rng_(seed_),
      counts_(static_cast<std::size_t>(vocab_size)),
      seen_(static_cast<std::size_t>(vocab_size)) {
  DSA_CHECK(vocab_size > 0);
  params_.validate(vocab_size);
  candidates_.reserve(static_cast<std::size_t>(vocab_size));
}

std::optional<std::int32_t> Sampler::sample(std::span<float> logits, std::span<const std::int32_t> prompt,
                                            std::span<const std::int32_t> answer) {
  DSA_CHECK(logits.size() == counts_.size());
  for (const LogitBias& b : params_.logit_bias)
    logits[static_cast<std::size_t>(b.id)] += static_cast<float>(b.bias);
  penalise(logits, prompt, answer);
  if (params_.temperature == 0) return greedy(logits);

  candidates_.clear();
  for (std::size_t id = 0; id < logits.size(); ++id)
    if (std::isfinite(logits[id])) candidates_.push_back({logits[id], static_cast<std::int32_t>(id), 0});
  if (candidates_.empty()) return std::nullopt;
  keep_top_k();
  weigh();
  keep_top_p();
  keep_min_p();
  return draw(rng_.unit(answer.size()));
}

void Sampler::penalise(std::span<float> logits, std::span<const std::int32_t> prompt,
                       std::span<const std::int32_t> answer) {
  const double presence = params_.presence_penalty;
  const double frequency = params_.frequency_penalty;
  const double repetition = params_.repetition_penalty;
  if (presence == 0 && frequency == 0 && repetition == 1) return;

  const auto inside = [&](std::int32_t id) {
    return std::in_range<std::size_t>(id) && std::size_t(id) < logits.size();
  };
  for (const std::int32_t id : answer)
    if (inside(id)) ++counts_[static_cast<std::size_t>(id)];

  // Each token once: `seen_` marks what is done, and a second pass over
  // the history clears both scratch arrays.
  for (const std::span<const std::int32_t> part : {prompt, answer})
    for (const std::int32_t id : part) {
      if (!inside(id)) continue;
      const auto i = static_cast<std::size_t>(id);
      if (std::exchange(seen_[i], std::uint8_t{1}) != 0) continue;
      double logit = logits[i];
      logit = logit > 0 ? logit / repetition : logit * repetition;
      if (counts_[i] > 0) logit -= presence + frequency * counts_[i];
      logits[i] = static_cast<float>(logit);
    }
  for (const std::span<const std::int32_t> part : {prompt, answer})
    for (const std::int32_t id : part)
      if (inside(id)) {
        counts_[static_cast<std::size_t>(id)] = 0;
        seen_[static_cast<std::size_t>(id)] = 0;
      }
}

// Temperature does not change the order of the logits, so it may come after this step.
void Sampler::keep_top_k() {
  const auto k = static_cast<std::size_t>(params_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + params_.top_k, candidates_.end(), better);
  candidates_.resize(k);
  std::sort(candidates_.begin(), candidates_.end(), better);
}

void Sampler::weigh() {
  float best = candidates_.front().logit;
  for (const Candidate& c : candidates_) best = std::max(best, c.logit);
  // In double, where neither the difference of two floats nor 1 / 1e-45 can overflow.
  const double inverse = 1 / params_.temperature;
  for (Candidate& c : candidates_)
    c.weight = std::exp(static_cast<float>(std::max((double{c.logit} - double{best}) * inverse, -200.0)));
}

void Sampler::keep_top_p() {
  if (params_.top_p >= 1) return;
  double total = 0;
  for (const Candidate& c : candidates_) total += c.weight;
  // All tokens below this weight together weigh less than (1 - top_p) of the total, so none of them is needed
  // to reach top_p: they go before the sort, which is what makes it cheap.
  const double floor = (1 - params_.top_p) * total / static_cast<double>(candidates_.size());
  std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < floor; });
  std::sort(candidates_.begin(), candidates_.end(), better);
  double sum = 0;
  std::size_t keep = 0;
  while (keep < candidates_.size() && (keep == 0 || sum < params_.top_p * total))
    sum += candidates_[keep++].weight;
  candidates_.resize(keep);
}

void Sampler::keep_min_p() {
  if (params_.min_p <= 0) return;
  std::erase_if(candidates_,
                [&](const Candidate& c) { return c.weight < params_.min_p; });  // the best weighs 1
}

std::int32_t Sampler::draw(double unit) const {
  double total = 0;
  for (const Candidate& c : candidates_) total += c.weight;
  double left = unit * total;
  const Candidate* last = nullptr;
  for (const Candidate& c : candidates_) {
    if (c.weight <= 0) continue;
    last = &c;
    left -= c.weight;
    if (left < 0) break;
  }
  return last->id;  // the best candidate weighs 1, so there is one
}

}  // namespace dsa
