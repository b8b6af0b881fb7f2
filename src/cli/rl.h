// The parts of `dsa rl`, one file each.
#pragma once

#include "cli/verb.h"

namespace dsa::cli {

Action declare_rl_tasks(Command command);
Action declare_rl_claims(Command command);
/// One that is dsa-train's to run.
Action declare_rl_trained(Command command);

}  // namespace dsa::cli
