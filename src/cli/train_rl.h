// The parts of `dsa rl` that dsa-train runs, one file each.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

/// Exit status of a training by reward that ended because no reward differed.
inline constexpr int kNothingToLearn = 3;

Action declare_rl_sft(Command command);
Action declare_rl_grpo(Command command);
Action declare_rl_eval(Command command);
Action declare_rl_distill(Command command);
Action declare_rl_judge(Command command);
Action declare_rl_recipe(Command command);

}  // namespace dsa::cli
