#include "cli/program.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "cli/settings.h"

namespace dsa::cli {
namespace {

// CLI11's messages quote what was typed.
int usage_error(const Command& root, const UsageError& error) {
  const auto verbs = root.commands();
  const auto chosen = std::ranges::find_if(verbs, &Command::was_chosen);
  fmt::print(stderr, "dsa: {}\nType `{} --help`.\n", printable(error.what(), 400),
             (chosen == verbs.end() ? root : *chosen).full_name());
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

// A word that stands where a verb is wanted and is none.
struct Stray {
  Command wants;
  std::string word;
};
std::optional<Stray> find_stray(Command at, std::span<const std::string> arguments) {
  for (const std::string& word : arguments) {
    const auto verbs = at.commands();
    if (verbs.empty() || word.starts_with('-')) break;
    const auto found = std::ranges::find(verbs, word, &Command::name);
    if (found == verbs.end()) return Stray{at, word};
    at = *found;
  }
  return std::nullopt;
}

// CLI11 would say only that a subcommand is required.
int say_stray(const Stray& stray) {
  const std::string word = stray.word.substr(0, 40);
  std::string nearest;
  for (const Command& verb : stray.wants.commands())
    if (nearest.empty() || distance(word, verb.name()) < distance(word, nearest)) nearest = verb.name();
  const bool is_near = distance(word, nearest) <= std::max<std::size_t>(1, nearest.size() / 2);
  fmt::print(stderr, "dsa: there is no verb {}{}\nType `{} --help`.\n", printable(stray.word),
             is_near ? fmt::format(": did you mean {}?", nearest) : "", stray.wants.full_name());
  return kWrongUsage;
}

int dispatch(const Program& program, const std::vector<std::string>& arguments) {
  CommandLine line(program.name, program.summary, "dsa " DSA_VERSION);
  Command root = line.command();
  root.require_command();
  root.footer(program.footer);
  std::vector<std::pair<Command, Action>> verbs;
  for (const Verb& verb : program.verbs) {
    const Command own = root.add_command(verb.name, verb.summary);
    verbs.emplace_back(own, verb.declare(own));
  }
  if (const auto stray = find_stray(root, arguments)) return say_stray(*stray);

  try {
    if (!line.parse(arguments)) return kDone;
    init_log(as_typed);
    for (const auto& [verb, action] : verbs)
      if (verb.was_chosen()) return action();
    return kWrongUsage;
  } catch (const UsageError& error) {
    return usage_error(root, error);
  }
}

}  // namespace

Action declare_parts(Command command, std::span<const Verb> parts) {
  command.require_command();
  std::vector<std::pair<Command, Action>> declared;
  for (const Verb& part : parts) {
    const Command own = command.add_command(part.name, part.summary);
    declared.emplace_back(own, part.declare(own));
  }
  return [declared] {
    for (const auto& [part, action] : declared)
      if (part.was_chosen()) return action();
    DSA_CHECK(false);
    return kFailed;
  };
}

int run_program(const Program& program, int argc, char** argv) {
  install_sigbus_message();
  try {
    return dispatch(program, {argv + std::min(1, argc), argv + argc});
  } catch (const std::bad_alloc&) {
    std::fputs("dsa: out of memory: try a smaller --ctx or a smaller model\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dsa: %s\n", as_typed(error.what()).c_str());
  }
  return kFailed;
}

}  // namespace dsa::cli
