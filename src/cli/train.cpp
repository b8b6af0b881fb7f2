// dsa train WHAT ..., and those of dsa rl that train: hand over to dsa-train, which lies beside dsa.
// A program of its own, because libtorch, where it is built with it, loads some 300 libraries
// (docs/adr/0010-libtorch.md): nobody who only chats waits for them or needs them installed.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "cli/rl.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

namespace fs = std::filesystem;

int hand_over(std::vector<std::string> arguments) {
  const fs::path trainer = fs::read_symlink("/proc/self/exe").parent_path() / "dsa-train";
  arguments.insert(arguments.begin(), trainer.string());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // libgomp's threads would wait for one another by spinning: beside another busy program
  // a step takes minutes.
  ::setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  ::execv(trainer.c_str(), argv.data());
  if (errno != ENOENT)
    fail("{}: cannot start: {}", printable(trainer.string(), 1000), std::generic_category().message(errno));
  fail(
      "{} is missing: build it with `cmake --build --preset release`, "
      "or type `./run train --help` in the source folder",
      printable(trainer.string(), 1000));
}

}  // namespace

Action declare_train(Command command) {
  // Everything behind the verb, --help included, is dsa-train's to read.
  command.take_everything();
  return [command] { return hand_over(command.rest()); };
}

Action declare_rl_trained(Command command) {
  command.take_everything();
  return [command] {
    std::vector<std::string> arguments{"rl", command.name()};
    const auto rest = command.rest();
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return hand_over(std::move(arguments));
  };
}

}  // namespace dsa::cli
