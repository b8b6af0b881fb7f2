// dsa train sparse and dsa train model in a build without libtorch: they say so.

#include "base/error.h"
#include "cli/train_model.h"
#include "cli/train_sparse.h"

namespace dsa::cli {
namespace {

Action declare_absent(Command command) {
  command.take_everything();
  return [command]() -> int {
    fail(
        "dsa train {0} needs libtorch, which this build has not: "
        "type `./run train {0} --help` in the source folder, "
        "or build with `tools/setup.sh train`, `cmake --preset release -DDSA_BUILD_TRAIN=ON` and "
        "`cmake --build --preset release`",
        command.name());
  };
}

}  // namespace

Action declare_train_sparse(Command command) { return declare_absent(command); }
Action declare_train_model(Command command) { return declare_absent(command); }

}  // namespace dsa::cli
