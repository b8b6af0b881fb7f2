// From rewards to slopes: what of a step's episodes is trained on, and how.  Plain numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "rl/episodes/played.h"
#include "rl/grpo/objective.h"
#include "rl/rewards/reward.h"
#include "rl/train/settings.h"
#include "train/loop/train_log.h"

namespace dsa::rl {

using Groups = std::vector<std::vector<Played>>;  // by task: its episodes

/// What is wanted of an episode; one of more than message_tokens, in all its messages, is too long.
RewardSettings reward_settings(const GrpoSettings& settings);

/// An episode that is trained on.
struct Lesson {
  const Played* played = nullptr;
  double advantage = 0;
  std::size_t group = 0;
};
/// Of the groups whose rewards differ, in order.
std::vector<Lesson> lessons(const Groups& groups, const GrpoSettings& settings);

/// Deals the groups of `lessons` out to `parts`, whole and in turn; parts without any are left out.
std::vector<std::vector<Lesson>> deal(std::span<const Lesson> lessons, std::int64_t parts);

BatchSize size_of(std::span<const Lesson> lessons, std::int64_t longest);

/// What was written and rewarded; `domain_of` names the domain of a group.
train::RewardRecord record_of(const Groups& groups, const GrpoSettings& settings,
                              const std::function<std::string(std::size_t group)>& domain_of);

}  // namespace dsa::rl
