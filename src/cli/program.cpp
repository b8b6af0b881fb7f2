#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace dsa::cli {
namespace {

// CLI11's messages quote what was typed.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  fmt::print(stderr, "dsa: {}\nType `{} {}--help`.\n", printable(error.what(), 400), app.get_name(),
             chosen.empty() ? "" : chosen.front()->get_name() + " ");
  return kWrongUsage;
}

int dispatch(const Program& program, int argc, char** argv) {
  CLI::App app(program.summary, program.name);
  app.set_version_flag("--version", "dsa " DSA_VERSION);
  app.require_subcommand(1);
  app.footer(program.footer);
  std::vector<Action> actions;
  for (const Verb& verb : program.verbs)
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
  for (std::size_t i = 0; i < program.verbs.size(); ++i)
    if (app.got_subcommand(std::string(program.verbs[i].name))) {
      try {
        return actions[i]();
      } catch (const CLI::ParseError& error) {  // options that do not fit together
        return usage_error(app, error);
      }
    }
  return kWrongUsage;
}

}  // namespace

int run_program(const Program& program, int argc, char** argv) {
  try {
    return dispatch(program, argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("dsa: out of memory: try a smaller --ctx or a smaller model\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dsa: %s\n", error.what());
  }
  return kFailed;
}

}  // namespace dsa::cli
