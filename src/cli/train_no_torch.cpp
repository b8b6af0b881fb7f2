// What needs libtorch, in a build without it: says so.

#include "base/error.h"
#include "cli/train_model.h"
#include "cli/train_rl.h"
#include "cli/train_sparse.h"

namespace dsa::cli {
namespace {

Action declare_absent(Command command, const char* of) {
  command.take_everything();
  return [command, of]() -> int {
    fail(
        "dsa {1} {0} needs libtorch, which this build has not: "
        "type `./run {1} {0} --help` in the source folder, "
        "or build with `tools/setup.sh train`, `cmake --preset release -DDSA_BUILD_TRAIN=ON` and "
        "`cmake --build --preset release`",
        command.name(), of);
  };
}

}  // namespace

Action declare_train_sparse(Command command) { return declare_absent(command, "train"); }
Action declare_train_model(Command command) { return declare_absent(command, "train"); }

Action declare_rl_sft(Command command) { return declare_absent(command, "rl"); }
Action declare_rl_grpo(Command command) { return declare_absent(command, "rl"); }
Action declare_rl_distill(Command command) { return declare_absent(command, "rl"); }
Action declare_rl_judge(Command command) { return declare_absent(command, "rl"); }
Action declare_rl_recipe(Command command) { return declare_absent(command, "rl"); }

}  // namespace dsa::cli
