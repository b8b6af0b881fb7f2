// dsa rl WHAT: training by reward.
#include "cli/rl.h"

#include <array>

#include "cli/program.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 1> kRlVerbs{{
    {"tasks", "what a model is trained on: tasks of a domain, solved, and answers judged", declare_rl_tasks},
}};

}  // namespace

Action declare_rl(Command command) {
  command.footer(
      "Example:\n  dsa rl tasks counting --count 3\n\n"
      "Each has --help.  docs/recipe.md explains all of it.\n");
  return declare_parts(command, kRlVerbs);
}

}  // namespace dsa::cli
