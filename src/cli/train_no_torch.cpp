// dsa train sparse and dsa train model in a build without libtorch: they say so.
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "cli/train_model.h"
#include "cli/train_sparse.h"

namespace dsa::cli {
namespace {

Action declare_absent(CLI::App& command) {
  command.set_help_flag();
  command.prefix_command();
  return [&command]() -> int {
    fail(
        "dsa train {0} needs libtorch, which this build has not: "
        "type `./run train {0} --help` in the source folder, "
        "or build with `tools/setup.sh train`, `cmake --preset release -DDSA_BUILD_TRAIN=ON` and "
        "`cmake --build --preset release`",
        command.get_name());
  };
}

}  // namespace

Action declare_train_sparse(CLI::App& command) { return declare_absent(command); }
Action declare_train_model(CLI::App& command) { return declare_absent(command); }

}  // namespace dsa::cli
