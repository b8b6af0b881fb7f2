#include <fmt/format.h>

#include <bit>
#include <optional>

#include "rl/tasks/puzzle.h"

namespace dsa::rl {
namespace {

// Bit i of a world: person i is a knight.
using World = std::uint32_t;
bool knight(World world, std::size_t person) { return (world >> person & 1U) != 0; }

struct Statement {
  enum class Kind : std::uint8_t { knight, knave, same, different } kind;
  std::size_t one, other;  // other: of same and different
};

bool holds(const Statement& s, World world) {
  switch (s.kind) {
    case Statement::Kind::knight:
      return knight(world, s.one);
    case Statement::Kind::knave:
      return !knight(world, s.one);
    case Statement::Kind::same:
      return knight(world, s.one) == knight(world, s.other);
    case Statement::Kind::different:
      return knight(world, s.one) != knight(world, s.other);
  }
  return false;
}

std::string statement_text(const Statement& s, const std::vector<std::string>& people) {
  switch (s.kind) {
    case Statement::Kind::knight:
      return people[s.one] + " is a knight";
    case Statement::Kind::knave:
      return people[s.one] + " is a knave";
    case Statement::Kind::same:
      return fmt::format("{} and {} are the same", people[s.one], people[s.other]);
    case Statement::Kind::different:
      return fmt::format("{} and {} are different", people[s.one], people[s.other]);
  }
  return {};
}

// Who says what they cannot say; nobody in a world that may be.
std::optional<std::size_t> contradicted(const std::vector<Statement>& said, World world) {
  for (std::size_t i = 0; i < said.size(); ++i)
    if (holds(said[i], world) != knight(world, i)) return i;
  return std::nullopt;
}

Statement draw_statement(std::size_t speaker, std::size_t people, Draws& draws) {
  const auto count = static_cast<std::int64_t>(people);
  const auto one = (speaker + 1 + static_cast<std::size_t>(draws.below(count - 1))) % people;
  const auto kind = static_cast<Statement::Kind>(draws.below(4));
  // About another and oneself, or about two others.
  auto other = static_cast<std::size_t>(draws.below(count));
  if (other == one) other = speaker;
  return {.kind = kind, .one = one, .other = other};
}

// What everybody says, such that there is one world in which they can.
std::vector<Statement> draw_statements(std::size_t people, Draws& draws) {
  for (;;) {
    std::vector<Statement> said;
    for (std::size_t i = 0; i < people; ++i) said.push_back(draw_statement(i, people, draws));
    int worlds = 0;
    for (World world = 0; world < World{1} << people; ++world) worlds += contradicted(said, world) ? 0 : 1;
    if (worlds == 1) return said;
  }
}

}  // namespace

Puzzle draw_knights(int difficulty, Draws& draws) {
  const auto people = some_people(2 + difficulty / 3, draws);
  const auto said = draw_statements(people.size(), draws);
  Puzzle puzzle;
  puzzle.question = "knight or knave:";
  for (std::size_t i = 0; i < people.size(); ++i) {
    puzzle.told.push_back(fmt::format("{} says {}", people[i], statement_text(said[i], people)));
    puzzle.question += (i == 0 ? " " : ", ") + people[i];
  }
  puzzle.question += "?";
  for (World tried = 0;; ++tried) {
    const World world = ~tried;  // knights first
    std::string line, answer;
    for (std::size_t i = 0; i < people.size(); ++i) {
      const auto* const kind = knight(world, i) ? "knight" : "knave";
      line += fmt::format("{}{}", i == 0 ? "" : " ", kind);
      answer += fmt::format("{}{} {}", i == 0 ? "" : ", ", people[i], kind);
    }
    const auto wrong = contradicted(said, world);
    if (!wrong) {
      puzzle.parts.steps += line + ": holds\n";
      puzzle.parts.answer = answer;
      return puzzle;
    }
    puzzle.parts.steps += fmt::format("{}: fails {}\n", line, people[*wrong]);
  }
}

}  // namespace dsa::rl
