#include "rl/train/batch.h"

#include <algorithm>
#include <map>

namespace dsa::rl {
namespace {

constexpr std::int64_t kLastPart = 4;  // of a message's tokens: the last quarter costs

std::vector<Reward> worth(const std::vector<Played>& group, const GrpoSettings& s) {
  std::vector<std::string> texts;
  std::vector<Judged> judged;
  for (const Played& played : group) {
    auto& text = texts.emplace_back();
    for (const auto& message : played.messages) text += message + "\n";
  }
  for (std::size_t i = 0; i < group.size(); ++i)
    judged.push_back({.score = group[i].score.value,
                      .tokens = std::ssize(group[i].written),
                      .text = texts[i],
                      .judged = group[i].judged});
  return rewards_of(judged, reward_settings(s));
}

std::vector<double> totals(const std::vector<Reward>& rewards) {
  std::vector<double> out;
  for (const Reward& reward : rewards) out.push_back(reward.total);
  return out;
}

}  // namespace

RewardSettings reward_settings(const GrpoSettings& s) {
  return {.outcome = s.outcome,
          .overlong = s.overlong,
          .length = s.length,
          .language_weight = s.language,
          .judge = s.judge.empty() ? 0 : s.judge_weight,
          .longest = s.message_tokens,
          .buffer = std::max<std::int64_t>(1, s.message_tokens / kLastPart)};
}

std::vector<Lesson> lessons(const Groups& groups, const GrpoSettings& settings) {
  const Advantage how = objective_named(settings.objective).advantage;
  std::vector<Lesson> out;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto rewards = totals(worth(groups[g], settings));
    if (!has_signal(rewards)) continue;
    const auto advantage = advantages(how, rewards);
    for (std::size_t i = 0; i < advantage.size(); ++i)
      out.push_back({.played = &groups[g][i], .advantage = advantage[i], .group = g});
  }
  return out;
}

std::vector<std::vector<Lesson>> deal(std::span<const Lesson> lessons, std::int64_t parts) {
  std::vector<std::vector<Lesson>> out(static_cast<std::size_t>(parts));
  std::size_t turn = 0;
  for (std::size_t i = 0; i < lessons.size(); ++i) {
    if (i > 0 && lessons[i].group != lessons[i - 1].group) ++turn;
    out[turn % out.size()].push_back(lessons[i]);
  }
  std::erase_if(out, [](const auto& part) { return part.empty(); });
  return out;
}

BatchSize size_of(std::span<const Lesson> lessons, std::int64_t longest) {
  BatchSize out{.answers = static_cast<std::int64_t>(lessons.size()), .tokens = 0, .longest = longest};
  for (const Lesson& lesson : lessons) out.tokens += std::ssize(lesson.played->written);
  return out;
}

train::RewardRecord record_of(const Groups& groups, const GrpoSettings& settings,
                              const std::function<std::string(std::size_t group)>& domain_of) {
  train::RewardRecord out;
  std::map<std::string, std::pair<double, double>> domains;  // solved, of how many
  double episodes = 0, tokens = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const auto rewards = worth(groups[g], settings);
    out.signal += has_signal(totals(rewards)) ? 1 : 0;
    auto& [solved, all] = domains[domain_of(g)];
    for (std::size_t i = 0; i < rewards.size(); ++i) {
      const Played& played = groups[g][i];
      const double whole = played.score.value >= 1 ? 1 : 0;
      ++episodes, ++all;
      solved += whole;
      out.solved += whole;
      out.reward += rewards[i].total;
      out.language += rewards[i].language;
      out.rubric += played.rubric;
      out.judged += played.judged;
      out.cut += played.cut ? 1 : 0;
      tokens += static_cast<double>(played.written.size());
      for (const float log_prob : played.log_probs) out.entropy -= static_cast<double>(log_prob);
    }
  }
  if (episodes == 0) return out;
  out.signal /= static_cast<double>(groups.size());
  for (double* sum : {&out.reward, &out.solved, &out.cut, &out.language, &out.rubric, &out.judged})
    *sum /= episodes;
  out.written = tokens / episodes;
  if (tokens > 0) out.entropy /= tokens;
  for (const auto& [name, counts] : domains) out.domains.emplace_back(name, counts.first / counts.second);
  return out;
}

}  // namespace dsa::rl
