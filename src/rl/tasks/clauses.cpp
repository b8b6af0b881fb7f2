#include <fmt/format.h>

#include <optional>
#include <set>

#include "rl/tasks/puzzle.h"

namespace dsa::rl {
namespace {

constexpr std::string_view kVariables = "pqrst";

// Bit i of an assignment: variable i is 1.
using Assignment = std::uint32_t;

struct Literal {
  std::size_t variable;
  bool negated;
  friend auto operator<=>(const Literal&, const Literal&) = default;
};
using Clause = std::set<Literal>;

bool is_true(const Clause& clause, Assignment values) {
  for (const auto& [variable, negated] : clause)
    if ((values >> variable & 1U) != (negated ? 1U : 0U)) return true;
  return false;
}

std::optional<std::size_t> first_false(const std::vector<Clause>& clauses, Assignment values) {
  for (std::size_t i = 0; i < clauses.size(); ++i)
    if (!is_true(clauses[i], values)) return i;
  return std::nullopt;
}

std::string clause_text(const Clause& clause) {
  std::string text;
  for (const auto& [variable, negated] : clause)
    text += fmt::format("{}{}{}", text.empty() ? "" : " or ", negated ? "not " : "", kVariables[variable]);
  return text;
}

std::string assignment_text(Assignment values, std::size_t variables) {
  std::string text;
  for (std::size_t i = 0; i < variables; ++i)
    text += fmt::format("{}{}={}", i == 0 ? "" : " ", kVariables[i], values >> i & 1U);
  return text;
}

std::vector<Clause> draw_set(std::size_t variables, int difficulty, Draws& draws) {
  std::set<Clause> drawn;
  const auto length = static_cast<std::size_t>(difficulty < 6 ? 2 : 3);
  // Of two variables there are four clauses, and nothing makes all of them true.
  const auto count = variables + 1 + static_cast<std::size_t>(variables == 2 ? 0 : difficulty / 2);
  while (drawn.size() < count) {
    Clause clause;
    std::set<std::size_t> used;
    while (used.size() < std::min(length, variables)) {
      const auto variable = static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(variables)));
      if (used.insert(variable).second) clause.insert({.variable = variable, .negated = draws.below(2) == 0});
    }
    drawn.insert(std::move(clause));
  }
  return {drawn.begin(), drawn.end()};
}

// Clauses that some values make true, but at most a quarter.
std::vector<Clause> draw_solvable(std::size_t variables, int difficulty, Draws& draws) {
  for (;;) {
    auto clauses = draw_set(variables, difficulty, draws);
    std::size_t solutions = 0;
    const Assignment all = Assignment{1} << variables;
    for (Assignment values = 0; values < all; ++values) solutions += first_false(clauses, values) ? 0 : 1;
    if (solutions == 0 || solutions * 4 > all) continue;
    draws.shuffle(clauses);
    return clauses;
  }
}

}  // namespace

Puzzle draw_clauses(int difficulty, Draws& draws) {
  const auto variables = static_cast<std::size_t>(2 + difficulty / 3);
  const auto clauses = draw_solvable(variables, difficulty, draws);
  Puzzle puzzle;
  puzzle.question = "which values make all true?";
  for (const auto& clause : clauses) puzzle.told.push_back(clause_text(clause));
  const Assignment all = Assignment{1} << variables;
  std::set<std::string> right;
  for (Assignment values = 0; values < all; ++values) {
    const auto wrong = first_false(clauses, values);
    const auto text = assignment_text(values, variables);
    if (!wrong) right.insert(text);
    if (puzzle.parts.answer.empty()) {
      puzzle.parts.steps +=
          wrong ? fmt::format("{}: fails {}\n", text, clause_text(clauses[*wrong])) : text + ": holds\n";
      if (!wrong) puzzle.parts.answer = text;
    }
  }
  puzzle.parts.wrong = [right = std::move(right)](std::string_view answer) -> std::optional<std::string> {
    if (right.contains(std::string(answer))) return std::nullopt;
    return "wrong answer";
  };
  return puzzle;
}

}  // namespace dsa::rl
