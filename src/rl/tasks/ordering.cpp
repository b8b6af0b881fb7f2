#include <fmt/format.h>

#include "rl/tasks/puzzle.h"

namespace dsa::rl {

Puzzle draw_ordering(int difficulty, Draws& draws) {
  const auto people = some_people(3 + difficulty / 2, draws);
  Puzzle puzzle;
  for (std::size_t i = 0; i + 1 < people.size(); ++i)
    puzzle.told.push_back(difficulty >= 3 && draws.below(2) == 0
                              ? fmt::format("{} is right after {}", people[i + 1], people[i])
                              : fmt::format("{} is right before {}", people[i], people[i + 1]));
  draws.shuffle(puzzle.told);
  const auto place = static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(people.size())));
  puzzle.question = fmt::format("who is in place {}?", place + 1);
  for (std::size_t i = 0; i <= place; ++i)
    puzzle.parts.steps += fmt::format("{} {}\n", i == 0 ? "first" : "then", people[i]);
  puzzle.parts.answer = people[place];
  return puzzle;
}

}  // namespace dsa::rl
