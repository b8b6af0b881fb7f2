// Puzzles: who stands where, knights and knaves, clauses.
#include <fmt/format.h>

#include <array>

#include "rl/tasks/makers.h"
#include "rl/tasks/notes.h"
#include "rl/tasks/puzzle.h"

namespace dsa::rl {
namespace {

Puzzle draw_puzzle(int difficulty, Draws& draws) {
  constexpr std::array kPuzzles{draw_ordering, draw_knights, draw_clauses};
  return draws.one_of(kPuzzles)(difficulty, draws);
}

}  // namespace

std::vector<std::string> some_people(int count, Draws& draws) {
  std::vector<std::string> people(kPeople.begin(), kPeople.end());
  draws.shuffle(people);
  people.resize(static_cast<std::size_t>(count));
  return people;
}

std::unique_ptr<const Task> make_logic(const TaskId& id) {
  Draws draws = draws_of(id, 4);
  Puzzle puzzle = draw_puzzle(id.difficulty, draws);
  std::string prompt;
  if (id.context == 0) {
    for (const auto& line : puzzle.told) prompt += line + "\n";
    prompt += puzzle.question;
  } else {
    // Lines of many puzzles, each with its puzzle's name.
    Names names;
    const std::string name = names.fresh('p', draws);
    std::vector<std::string> lines, others;
    std::string steps, other_name;
    for (const auto& line : puzzle.told) lines.push_back(fmt::format("{}: {}", name, line));
    for (const auto& line : lines) steps += line + "\n";
    const auto other = [&] {
      if (others.empty()) {
        others = draw_puzzle(id.difficulty, draws).told;
        other_name = names.fresh('p', draws);
      }
      const std::string line = fmt::format("{}: {}", other_name, others.back());
      others.pop_back();
      return line;
    };
    prompt =
        notes_of(std::move(lines), id.context, other, draws) + fmt::format("{}: {}", name, puzzle.question);
    puzzle.parts.steps = steps + puzzle.parts.steps;
  }
  puzzle.parts.prompt = std::move(prompt);
  return answer_task(id, std::move(puzzle.parts));
}

}  // namespace dsa::rl
