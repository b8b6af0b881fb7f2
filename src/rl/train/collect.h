// What specialists solved: the material that one model is taught from.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rl/train/examples.h"
#include "rl/train/held_out.h"

namespace dsa::rl {

struct CollectOrder {
  DomainShare domain;
  TaskSettings settings;  // its tasks' places in the training begin at 0
  std::int64_t message_tokens = 128;
  std::int64_t samples = 4;   // of each task, of which the first that solved it is kept
  std::int64_t episodes = 0;  // wanted; in `both` styles by turns
};
/// Solved episodes, at most one of a task: a function of model and order.  It gives up, with fewer, after ten
/// times as many tasks.  nullopt: cancelled.  `progress` hears how many there are.
std::optional<std::vector<Example>> collect(OpenedModel model, const Tokenizer& tokenizer,
                                            const CollectOrder& order, const Exec& exec,
                                            const std::atomic<bool>& cancel,
                                            const std::function<void(std::int64_t)>& progress = {});

}  // namespace dsa::rl
