// dsa rl WHAT: training by reward.
#include "cli/rl.h"

#include <array>

#include "cli/program.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 8> kRlVerbs{{
    {"tasks", "what a model is trained on: tasks of a domain, solved, and answers judged", declare_rl_tasks},
    {"sft", "a model learns to write solutions, or episodes from a file", declare_rl_trained},
    {"grpo", "a model plays tasks and learns from what was rewarded", declare_rl_trained},
    {"eval", "how many tasks a model solves, beside another with paired intervals", declare_rl_trained},
    {"distill", "what specialists solved, taught to one model", declare_rl_trained},
    {"judge", "a model learns to answer a rubric about attempts", declare_rl_trained},
    {"recipe", "all of it in one command: specialists, distilled, one mixed stage", declare_rl_trained},
    {"claims", "what runs of the recipe show of what was announced", declare_rl_claims},
}};

}  // namespace

Action declare_rl(Command command) {
  command.footer(
      "Example:\n  dsa rl tasks counting --count 3\n\n"
      "Each has --help.  docs/recipe.md explains all of it.\n");
  return declare_parts(command, kRlVerbs);
}

}  // namespace dsa::cli
