#include "rl/tasks/formula.h"

#include <fmt/format.h>

#include <array>

namespace dsa::rl {
namespace {

using Kind = Formula::Kind;

std::string inner_text(const Formula& formula) {
  const bool bare = formula.kind == Kind::leaf || formula.kind == Kind::call;
  return bare ? formula_text(formula) : fmt::format("({})", formula_text(formula));
}

Formula leaf(std::string word) { return {.kind = Kind::leaf, .word = std::move(word)}; }

// What formulas are drawn of.
struct Leaves {
  int inputs = 1;
  bool index = false;  // i too
};

Formula draw_leaf(const Leaves& leaves, Draws& draws) {
  if (leaves.index && draws.below(2) == 0) return leaf("i");
  if (draws.below(3) == 0) return leaf(std::to_string(2 + draws.below(8)));
  return leaf(std::string(1, static_cast<char>('a' + draws.below(leaves.inputs))));
}

Formula draw_expression(int operations, const Leaves& leaves, Draws& draws) {
  if (operations == 0) return draw_leaf(leaves, draws);
  constexpr std::array<std::string_view, 4> kInfix{"+", "-", "*", "%"};
  constexpr std::array<std::string_view, 2> kCalls{"min", "max"};
  const int first = static_cast<int>(draws.below(operations));
  Formula left = draw_expression(first, leaves, draws);
  Formula right = draw_expression(operations - 1 - first, leaves, draws);
  if (operations > 1 && draws.below(4) == 0)
    return {.kind = Kind::call, .word = std::string(draws.one_of(kCalls)), .parts = {left, right}};
  std::string operation(draws.one_of(kInfix));
  if (operation == "%") right = leaf(std::to_string(2 + draws.below(8)));
  return {.kind = Kind::infix, .word = operation, .parts = {std::move(left), std::move(right)}};
}

Formula draw_choice(int operations, const Leaves& leaves, Draws& draws) {
  constexpr std::array<std::string_view, 3> kComparisons{"<", ">", "="};
  Formula condition{
      .kind = Kind::infix,
      .word = std::string(draws.one_of(kComparisons)),
      .parts = {leaf("a"), leaves.inputs > 1 ? leaf("b") : leaf(std::to_string(draws.below(9)))}};
  return {.kind = Kind::choice,
          .parts = {std::move(condition), draw_expression(operations, leaves, draws),
                    draw_expression(operations, leaves, draws)}};
}

Formula draw_repetition(int operations, Draws& draws) {
  const Kind kind = draws.below(3) == 0 ? Kind::product : Kind::sum;
  return {.kind = kind,
          .parts = {draw_expression(operations, {.inputs = 2, .index = true}, draws), leaf("a")}};
}

}  // namespace

std::string formula_text(const Formula& f) {
  switch (f.kind) {
    case Kind::leaf:
      return f.word;
    case Kind::infix:
      return fmt::format("{} {} {}", inner_text(f.parts[0]), f.word, inner_text(f.parts[1]));
    case Kind::call:
      return fmt::format("{}({}, {})", f.word, formula_text(f.parts[0]), formula_text(f.parts[1]));
    case Kind::choice:
      return fmt::format("if {} then {} else {}", formula_text(f.parts[0]), formula_text(f.parts[1]),
                         formula_text(f.parts[2]));
    case Kind::sum:
    case Kind::product:
      return fmt::format("{} of {} for i = 1 to {}", f.kind == Kind::sum ? "sum" : "product",
                         inner_text(f.parts[0]), f.parts[1].word);
    case Kind::divisor:
      return "largest divisor of a and b";
  }
  return {};
}

std::string formula_program(const Formula& f) {
  switch (f.kind) {
    case Kind::leaf:
      return f.word;
    case Kind::infix:
    case Kind::call:
      return fmt::format("{} {} {}", formula_program(f.parts[0]), formula_program(f.parts[1]), f.word);
    case Kind::choice:
      return fmt::format("{} if {} else {} end", formula_program(f.parts[0]), formula_program(f.parts[1]),
                         formula_program(f.parts[2]));
    case Kind::sum:
      return fmt::format("0 {} times {} + end", f.parts[1].word, formula_program(f.parts[0]));
    case Kind::product:
      return fmt::format("1 {} times {} * end", f.parts[1].word, formula_program(f.parts[0]));
    case Kind::divisor:
      return "a b while dup do swap over % end drop";
  }
  return {};
}

std::string formula_steps(const Formula& f) {
  std::string text;
  for (const auto& part : f.parts)
    if (part.kind != Kind::leaf)
      text += formula_steps(part) + fmt::format("{}: {}\n", formula_text(part), formula_program(part));
  return text;
}

std::vector<Formula> shortcuts(const Formula& f) {
  std::vector<Formula> out;
  const bool repeats = f.kind == Kind::sum || f.kind == Kind::product;
  for (std::size_t i = 0; i < f.parts.size(); ++i) {
    const bool comparison = f.kind == Kind::choice && i == 0;
    if (!repeats && !comparison) out.push_back(f.parts[i]);
    if (comparison) continue;
    for (auto& part : shortcuts(f.parts[i])) {
      out.push_back(f);
      out.back().parts[i] = std::move(part);
    }
  }
  return out;
}

Formula draw_formula(int difficulty, Draws& draws) {
  const Leaves leaves{.inputs = difficulty == 0 ? 1 : 2};
  const auto kind = draws.below(10);
  if (difficulty >= 6 && kind < 5) return draw_repetition(difficulty / 4, draws);
  if (difficulty >= 7 && kind == 5) return {.kind = Kind::divisor};
  if (difficulty >= 4 && kind < 8) return draw_choice(difficulty / 4, leaves, draws);
  return draw_expression(difficulty < 2 ? 1 : difficulty < 4 ? 2 : difficulty / 2 + 1, leaves, draws);
}

}  // namespace dsa::rl
