// What a program of the stack language is to compute: as it is written down, and as a program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/draws.h"

namespace dsa::rl {

struct Formula {
  enum class Kind : std::uint8_t { leaf, infix, call, choice, sum, product, divisor };
  Kind kind = Kind::leaf;
  std::string word = {};  // "a", "7", "i"; of infix and call the operation
  std::vector<Formula> parts =
      {};  // of choice: the comparison, then, else; of sum and product: what is added; count
};

/// "(a * 2) + 3", "if a > b then a else b", "sum of i * i for i = 1 to a".
std::string formula_text(const Formula& formula);
/// "a 2 * 3 +".
std::string formula_program(const Formula& formula);
/// A line for each part that has parts itself, the inner ones first: "a * 2: a 2 *".
std::string formula_steps(const Formula& formula);

/// What it becomes if one operation or choice in it is left out in favour of one of its operands.
std::vector<Formula> shortcuts(const Formula& formula);

/// Of the inputs a and, from difficulty 1 on, b.
Formula draw_formula(int difficulty, Draws& draws);

}  // namespace dsa::rl
