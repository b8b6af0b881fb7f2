#include "rl/rewards/reward.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace dsa::rl {

double soft_overlong(std::int64_t tokens, std::int64_t longest, std::int64_t buffer) {
  DSA_CHECK(buffer > 0 && buffer <= longest);
  const std::int64_t past = tokens - (longest - buffer);
  if (past <= 0) return 0;
  return -std::min(static_cast<double>(past) / static_cast<double>(buffer), 1.0);
}

std::vector<double> group_length(std::span<const LengthOutcome> group) {
  std::vector<double> out(group.size(), 0);
  if (group.empty()) return out;
  const auto [least, most] = std::ranges::minmax_element(group, {}, &LengthOutcome::tokens);
  if (least->tokens == most->tokens) return out;
  const auto width = static_cast<double>(most->tokens - least->tokens);
  for (std::size_t i = 0; i < group.size(); ++i) {
    const double lambda = 0.5 - static_cast<double>(group[i].tokens - least->tokens) / width;
    out[i] = group[i].solved ? lambda : std::min(0.0, lambda);
  }
  return out;
}

bool solved_sometimes(std::span<const double> scores) {
  const auto solved = std::ranges::count(scores, 1.0);
  return solved > 0 && solved < std::ssize(scores);
}

double pass_rate(std::span<const double> scores) {
  if (scores.empty()) return 0;
  return static_cast<double>(std::ranges::count(scores, 1.0)) / static_cast<double>(scores.size());
}

void validate(const RewardSettings& s) {
  const auto weight = [](const char* name, double value) {
    if (!std::isfinite(value) || value < 0)
      fail("reward: the weight of {} is {}: expected a number of 0 or more", name, value);
  };
  weight("the outcome", s.outcome);
  weight("overlong", s.overlong);
  weight("the length", s.length);
  weight("the language", s.language_weight);
  weight("the judge", s.judge);
  if (s.outcome + s.overlong + s.length + s.language_weight + s.judge == 0)
    fail("reward: all weights are 0: give one of them");
  if (s.overlong > 0 && (s.buffer <= 0 || s.buffer > s.longest))
    fail("reward: overlong begins {} tokens before {}: expected 1 to {}", s.buffer, s.longest, s.longest);
}

std::vector<Reward> rewards_of(std::span<const Judged> group, const RewardSettings& s) {
  std::vector<LengthOutcome> lengths;
  for (const Judged& one : group) lengths.push_back({.tokens = one.tokens, .solved = one.score == 1});
  const auto length = group_length(lengths);
  std::vector<Reward> out;
  for (std::size_t i = 0; i < group.size(); ++i) {
    Reward reward{.outcome = group[i].score,
                  .overlong = s.overlong > 0 ? soft_overlong(group[i].tokens, s.longest, s.buffer) : 0,
                  .length = length[i],
                  .language = language_share(group[i].text, s.language),
                  .judged = group[i].judged,
                  .total = 0};
    reward.total = s.outcome * reward.outcome + s.overlong * reward.overlong + s.length * reward.length +
                   s.language_weight * reward.language + s.judge * reward.judged;
    out.push_back(reward);
  }
  return out;
}

}  // namespace dsa::rl
