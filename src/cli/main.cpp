// dsa VERB MODEL [options]: the table of verbs.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

constexpr std::array<Verb, 7> kVerbs{{
    {"chat", "talk in the terminal", declare_chat},
    {"run", "one answer to stdout", declare_run},
    {"inspect", "what a checkpoint holds, what it costs and which kernels will run it", declare_inspect},
    {"tokenize", "text from stdin to token ids, and back", declare_tokenize},
    {"logits", "logits of every position to a file", declare_logits},
    {"bench", "speed by depth, beside the machine's ceilings", declare_bench},
    {"eval", "how good the answers are, and what sparse attention costs them", declare_eval},
}};

// CLI11's messages quote what was typed.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  fmt::print(stderr, "dsa: {}\nType `dsa {}--help`.\n", printable(error.what(), 400),
             chosen.empty() ? "" : chosen.front()->get_name() + " ");
  return kWrongUsage;
}

int dispatch(int argc, char** argv) {
  CLI::App app("dsa.cpp: runs models with DeepSeek Sparse Attention.", "dsa");
  app.set_version_flag("--version", "dsa " DSA_VERSION);
  app.require_subcommand(1);
  app.footer("Example:\n  dsa run smollm2 --prompt \"What is a sparse matrix?\"\n\nEvery verb has --help.\n");
  std::vector<Action> actions;
  for (const Verb& verb : kVerbs)
    actions.push_back(verb.declare(*app.add_subcommand(std::string(verb.name), std::string(verb.summary))));

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked);
    return kDone;
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  }
  init_log();
  for (std::size_t i = 0; i < kVerbs.size(); ++i)
    if (app.got_subcommand(std::string(kVerbs[i].name))) {
      try {
        return actions[i]();
      } catch (const CLI::ParseError& error) {  // options that do not fit together
        return usage_error(app, error);
      }
    }
  return kWrongUsage;
}

}  // namespace
}  // namespace dsa::cli

int main(int argc, char** argv) {
  try {
    return dsa::cli::dispatch(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("dsa: out of memory: try a smaller --ctx or a smaller model\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dsa: %s\n", error.what());
  }
  return dsa::cli::kFailed;
}
