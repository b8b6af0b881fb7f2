#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "cli/settings.h"

namespace dsa::cli {
namespace {

// CLI11's messages quote what was typed.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  fmt::print(stderr, "dsa: {}\nType `{} {}--help`.\n", printable(error.what(), 400), app.get_name(),
             chosen.empty() ? "" : chosen.front()->get_name() + " ");
  return kWrongUsage;
}

// Insertions, deletions and changes of a letter that lead from one word to the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// A word that stands where a verb is wanted and is none.
struct Stray {
  const CLI::App* wants = nullptr;  // null: there is no such word
  std::string word;
};
Stray find_stray(const CLI::App& app, std::span<char* const> arguments) {
  const CLI::App* at = &app;
  for (const std::string word : arguments) {
    const auto verbs = verbs_of(*at);
    if (verbs.empty() || word.starts_with('-')) break;
    const auto found = std::ranges::find(verbs, word, [](const CLI::App* verb) { return verb->get_name(); });
    if (found == verbs.end()) return {at, word};
    at = *found;
  }
  return {};
}

// CLI11 would say only that a subcommand is required.
int say_stray(const Stray& stray) {
  const std::string word = stray.word.substr(0, 40);
  std::string nearest;
  for (const CLI::App* verb : verbs_of(*stray.wants))
    if (nearest.empty() || distance(word, verb->get_name()) < distance(word, nearest))
      nearest = verb->get_name();
  const bool is_near = distance(word, nearest) <= std::max<std::size_t>(1, nearest.size() / 2);
  std::string program;
  for (const CLI::App* app = stray.wants; app != nullptr; app = app->get_parent())
    program = app->get_name() + " " + program;
  fmt::print(stderr, "dsa: there is no verb {}{}\nType `{}--help`.\n", printable(stray.word),
             is_near ? fmt::format(": did you mean {}?", nearest) : "", program);
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

  const auto arguments = std::span<char* const>(argv, static_cast<std::size_t>(argc));
  if (const Stray stray = find_stray(app, arguments.subspan(std::min<std::size_t>(1, arguments.size())));
      stray.wants != nullptr)
    return say_stray(stray);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked);
    return kDone;
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  }
  init_log(as_typed);
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
  install_sigbus_message();
  try {
    return dispatch(program, argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("dsa: out of memory: try a smaller --ctx or a smaller model\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dsa: %s\n", as_typed(error.what()).c_str());
  }
  return kFailed;
}

}  // namespace dsa::cli
