// Puzzles of logic: what is told of one, and its answer.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/draws.h"
#include "rl/tasks/message.h"

namespace dsa::rl {

inline constexpr std::array<std::string_view, 32> kPeople{
    "Ada",  "Ben",  "Cem",  "Dora", "Eva",  "Finn", "Gus",  "Hana", "Ivo",  "Jan",  "Kai",
    "Lea",  "Mira", "Nils", "Olga", "Pia",  "Quin", "Rosa", "Sam",  "Tom",  "Uma",  "Vera",
    "Walt", "Xena", "Yara", "Zoe",  "Abel", "Bela", "Carl", "Dina", "Emil", "Frida"};
/// So many of them, each once.
std::vector<std::string> some_people(int count, Draws& draws);

struct Puzzle {
  std::vector<std::string> told;  // lines, of which the order says nothing
  std::string question;
  AnswerParts parts;  // but for the prompt
};

/// Who stands where in a line.
Puzzle draw_ordering(int difficulty, Draws& draws);
/// Who is a knight, who always tells the truth, and who a knave, who always lies.
Puzzle draw_knights(int difficulty, Draws& draws);
/// Values that make all clauses true; any that do are right.
Puzzle draw_clauses(int difficulty, Draws& draws);

}  // namespace dsa::rl
