// What an episode is worth to its training: the outcome, and what else is wanted of it, each with a weight.
// Advantages are not divided by their deviation, so the weights act as they stand.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/rewards/language.h"

namespace dsa::rl {

/// DAPO's penalty of a length past `longest - buffer`: it falls in a straight line to -1 at `longest`, and no
/// further.  0 < buffer <= longest.
double soft_overlong(std::int64_t tokens, std::int64_t longest, std::int64_t buffer);

struct LengthOutcome {
  std::int64_t tokens = 0;
  bool solved = false;
};
/// Kimi k1.5's reward of the short ones of a group: 0.5 - (tokens - min) / (max - min) where it is solved, at
/// most 0 where not; 0 for all if they are of one length.
std::vector<double> group_length(std::span<const LengthOutcome> group);

/// True if some of a group's episodes solved their task and some did not: the others teach nothing by reward.
/// `scores`: 1 is solved.
bool solved_sometimes(std::span<const double> scores);
/// Share of those that are 1; of none 0.
double pass_rate(std::span<const double> scores);

struct RewardSettings {
  double outcome = 1;
  double overlong = 0;         // weight of soft_overlong()
  double length = 0;           // weight of group_length()
  double language_weight = 0;  // weight of language_share()
  double judge = 0;            // weight of what a judge model makes of it
  std::int64_t longest = 0;    // tokens of an episode; for overlong
  std::int64_t buffer = 0;     // of those, the last ones, which cost
  Language language = Language::english;
};
/// Throws Error that names the setting.
void validate(const RewardSettings& settings);

/// What is judged of an episode.
struct Judged {
  double score = 0;         // of its task
  std::int64_t tokens = 0;  // that the model wrote
  std::string_view text;    // that the model wrote: its messages, a newline behind each
  double judged = 0;        // by a judge model, 0 to 1
};
struct Reward {
  double outcome = 0, overlong = 0, length = 0, language = 0, judged = 0;  // without their weights
  double total = 0;                                                        // with them
};
/// Of the episodes of one task.
std::vector<Reward> rewards_of(std::span<const Judged> group, const RewardSettings& settings);

}  // namespace dsa::rl
