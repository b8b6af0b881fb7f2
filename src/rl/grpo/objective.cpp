#include "rl/grpo/objective.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace dsa::rl {
namespace {

constexpr double kLargestLogRatio = 20;  // beyond it exp() is of no more use than this
constexpr double kDeviationEps = 1e-6;

double log_ratio(float a, float b) {
  return std::clamp(static_cast<double>(a) - static_cast<double>(b), -kLargestLogRatio, kLargestLogRatio);
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// What one token of the answer weighs.
double token_weight(Average average, std::size_t length, const BatchSize& batch) {
  const auto answers = static_cast<double>(batch.answers);
  switch (average) {
    case Average::sequence:
      return 1 / (answers * static_cast<double>(length));
    case Average::token:
      return 1 / static_cast<double>(batch.tokens);
    case Average::constant:
      return 1 / (answers * static_cast<double>(batch.longest));
  }
  return 0;
}

/// A value and its derivative by log pi.
struct Term {
  double value = 0, slope = 0;
};

// min(r A, clip(r) A): flat where the clip is what counts.
Term policy_term(const Objective& o, double ratio, double advantage, ObjectiveFigures& figures) {
  if (advantage > 0 && ratio > 1 + o.clip_high) {
    ++figures.clipped_high;
    return {.value = (1 + o.clip_high) * advantage, .slope = 0};
  }
  if (advantage < 0 && ratio < 1 - o.clip_low) {
    ++figures.clipped_low;
    return {.value = (1 - o.clip_low) * advantage, .slope = 0};
  }
  return {.value = ratio * advantage, .slope = ratio * advantage};
}

Term kl_term(KlForm form, double ratio, double log_to_reference) {
  const double inverse = std::exp(-log_to_reference);  // pi_ref / pi
  const double plain = inverse + log_to_reference - 1;
  if (form == KlForm::plain) return {.value = plain, .slope = 1 - inverse};
  return {.value = ratio * plain, .slope = ratio * log_to_reference};
}

}  // namespace

Objective objective_named(std::string_view name) {
  if (name == "v32") return {};
  if (name == "grpo") return {.advantage = Advantage::deviation, .kl_form = KlForm::plain, .kl = 0.04};
  if (name == "dapo")
    return {.advantage = Advantage::deviation, .average = Average::token, .clip_high = 0.28};
  if (name == "dr-grpo") return {.average = Average::constant};
  if (name == "gspo")
    return {.advantage = Advantage::deviation, .ratio = Ratio::sequence, .clip_low = 3e-4, .clip_high = 4e-4};
  fail("the objective {}: expected v32, grpo, dapo, dr-grpo or gspo", printable(std::string(name)));
}

std::vector<double> advantages(Advantage how, std::span<const double> rewards) {
  std::vector<double> out(rewards.begin(), rewards.end());
  if (out.empty()) return out;
  const double mean = mean_of(rewards);
  double squares = 0;
  for (double& value : out) {
    value -= mean;
    squares += value * value;
  }
  if (how == Advantage::mean || out.size() < 2) return out;
  const double deviation = std::sqrt(squares / static_cast<double>(out.size() - 1));
  for (double& value : out) value /= deviation + kDeviationEps;
  return out;
}

bool has_signal(std::span<const double> rewards) {
  return std::ranges::any_of(rewards, [&](double reward) { return reward != rewards.front(); });
}

ObjectiveFigures& ObjectiveFigures::operator+=(const ObjectiveFigures& more) {
  loss += more.loss;
  kl += more.kl;
  old_kl += more.old_kl;
  largest_change = std::max(largest_change, more.largest_change);
  tokens += more.tokens;
  clipped_low += more.clipped_low;
  clipped_high += more.clipped_high;
  answers += more.answers;
  masked += more.masked;
  return *this;
}

void add_answer(const Objective& o, const ScoredAnswer& answer, const BatchSize& batch,
                std::span<float> slopes, ObjectiveFigures& figures) {
  const std::size_t length = answer.now.size();
  DSA_CHECK(answer.old.size() == length && slopes.size() == length && batch.answers > 0);
  DSA_CHECK(o.kl == 0 || answer.reference.size() == length);
  if (length == 0) return;
  double change = 0;
  for (std::size_t t = 0; t < length; ++t) change += log_ratio(answer.now[t], answer.old[t]);
  const double mean_change = change / static_cast<double>(length);
  const bool masked = o.off_policy > 0 && answer.advantage < 0 && -mean_change > o.off_policy;
  const double weight = token_weight(o.average, length, batch);
  for (std::size_t t = 0; t < length; ++t) {
    const double own = log_ratio(answer.now[t], answer.old[t]);
    const double log_r = o.ratio == Ratio::sequence ? mean_change : own;
    Term policy;
    if (!masked) policy = policy_term(o, std::exp(log_r), answer.advantage, figures);
    Term kl;
    if (o.kl > 0) kl = kl_term(o.kl_form, std::exp(own), log_ratio(answer.now[t], answer.reference[t]));
    figures.loss -= weight * (policy.value - o.kl * kl.value);
    figures.kl += kl.value;
    figures.largest_change = std::max(figures.largest_change, std::abs(own));
    slopes[t] = static_cast<float>(-weight * (policy.slope - o.kl * kl.slope));
  }
  figures.old_kl -= change;
  figures.tokens += static_cast<std::int64_t>(length);
  figures.answers += 1;
  figures.masked += masked ? 1 : 0;
}

}  // namespace dsa::rl
