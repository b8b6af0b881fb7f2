// A verb of the program: `dsa VERB MODEL [options]`.
#pragma once

#include <functional>
#include <string_view>

#include "cli/command.h"

namespace dsa::cli {

/// docs/interfaces.md: 0 done, 1 it failed, 2 wrong usage, 130 interrupted.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;
inline constexpr int kInterrupted = 130;

/// What a parsed command line does; returns the exit status, throws dsa::Error if it fails.
using Action = std::function<int()>;

struct Verb {
  std::string_view name;
  std::string_view summary;
  /// Adds the verb's options to its subcommand and gives back what is to run once they are parsed.
  Action (*declare)(Command command);
};

// One file a verb.
Action declare_chat(Command command);
Action declare_run(Command command);
Action declare_inspect(Command command);
Action declare_tokenize(Command command);
Action declare_logits(Command command);
Action declare_bench(Command command);
Action declare_cost(Command command);
Action declare_compare(Command command);
Action declare_eval(Command command);
Action declare_serve(Command command);
Action declare_cache(Command command);
Action declare_keys(Command command);
Action declare_usage(Command command);
Action declare_ps(Command command);
Action declare_connect(Command command);
Action declare_train(Command command);
Action declare_rl(Command command);

}  // namespace dsa::cli
