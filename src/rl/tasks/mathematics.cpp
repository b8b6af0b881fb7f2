// Sums, products, remainders, linear equations.
#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "rl/tasks/makers.h"
#include "rl/tasks/message.h"
#include "rl/tasks/notes.h"
#include "rl/tasks/working.h"

namespace dsa::rl {
namespace {

constexpr std::array<int, kHardest + 1> kDigits{1, 1, 2, 2, 3, 3, 4, 5, 6, 7};

// Its numbers may be told elsewhere, under names.
struct Problem {
  std::vector<std::int64_t> numbers;
  std::string text;  // with #0, #1, ... for them
  std::string steps;
  std::int64_t answer = 0;
};
using MakeProblem = Problem (*)(int difficulty, Draws& draws);

std::int64_t number_of(int digits, Draws& draws) { return std::stoll(draws.number(digits)); }

Problem sum(int difficulty, Draws& draws) {
  const auto digits = kDigits[static_cast<std::size_t>(difficulty)];
  const std::int64_t a = number_of(digits, draws), b = number_of(digits, draws);
  return {.numbers = {a, b}, .text = "#0 + #1 = ?", .steps = worked_sum(a, b), .answer = a + b};
}

Problem difference(int difficulty, Draws& draws) {
  const auto digits = kDigits[static_cast<std::size_t>(difficulty)];
  std::int64_t a = number_of(digits, draws), b = number_of(digits, draws);
  if (a < b) std::swap(a, b);
  return {.numbers = {a, b}, .text = "#0 - #1 = ?", .steps = worked_difference(a, b), .answer = a - b};
}

Problem product(int difficulty, Draws& draws) {
  const std::int64_t a = number_of(1 + difficulty / 3, draws), b = number_of(1 + difficulty / 5, draws);
  return {.numbers = {a, b}, .text = "#0 * #1 = ?", .steps = worked_product(a, b), .answer = a * b};
}

std::int64_t modulus(int difficulty, Draws& draws) {
  return difficulty < 6 ? 3 + draws.below(7) : 11 + draws.below(80);
}

Problem remainder(int difficulty, Draws& draws) {
  const std::int64_t a = number_of(2 + difficulty / 4, draws), m = modulus(difficulty, draws);
  return {.numbers = {a, m}, .text = "#0 mod #1 = ?", .steps = worked_remainder(a, m), .answer = a % m};
}

Problem modular(int difficulty, Draws& draws) {
  const std::int64_t a = number_of(1 + difficulty / 4, draws), b = number_of(1 + difficulty / 4, draws),
                     m = modulus(difficulty, draws);
  const bool adds = draws.below(2) == 0;
  const std::int64_t inner = adds ? a + b : a * b;
  return {.numbers = {a, b, m},
          .text = adds ? "(#0 + #1) mod #2 = ?" : "(#0 * #1) mod #2 = ?",
          .steps = fmt::format("{} {} {} = {}\n", a, adds ? '+' : '*', b, inner) + worked_remainder(inner, m),
          .answer = inner % m};
}

Problem equation(int difficulty, Draws& draws) {
  const std::int64_t a = 2 + draws.below(2 + difficulty), x = 1 + draws.below(5 + 10 * difficulty),
                     b = 1 + draws.below(10 + 5 * difficulty);
  const std::int64_t c = a * x + b;
  return {.numbers = {a, b, c},
          .text = "#0 x + #1 = #2, x = ?",
          .steps = fmt::format("{} x = {} - {} = {}\nx = {} / {} = {}\n", a, c, b, c - b, c - b, a, x),
          .answer = x};
}

Problem two_sided(int difficulty, Draws& draws) {
  const std::int64_t less = 2 + draws.below(difficulty), more = less + 1 + draws.below(difficulty),
                     x = 1 + draws.below(10 * difficulty), b = 1 + draws.below(9 * difficulty);
  const std::int64_t c = (more - less) * x + b;
  return {.numbers = {more, b, less, c},
          .text = "#0 x + #1 = #2 x + #3, x = ?",
          .steps = fmt::format("{} x - {} x = {} x\n{} - {} = {}\nx = {} / {} = {}\n", more, less,
                               more - less, c, b, c - b, c - b, more - less, x),
          .answer = x};
}

struct GradedProblem {
  int from;  // difficulty
  MakeProblem make;
};
constexpr std::array<GradedProblem, 7> kKinds{
    {{0, sum}, {0, difference}, {1, remainder}, {2, product}, {2, equation}, {4, modular}, {5, two_sided}}};

std::string filled(std::string_view text, const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#')
      out += names[static_cast<std::size_t>(text[++i] - '0')];
    else
      out += text[i];
  }
  return out;
}

}  // namespace

std::unique_ptr<const Task> make_mathematics(const TaskId& id) {
  Draws draws = draws_of(id, 2);
  std::vector<MakeProblem> kinds;
  for (const auto& kind : kKinds)
    if (kind.from <= id.difficulty) kinds.push_back(kind.make);
  const Problem problem = draws.one_of(kinds)(id.difficulty, draws);
  AnswerParts parts{.prompt = {}, .steps = {}, .answer = std::to_string(problem.answer)};
  std::vector<std::string> names;
  if (id.context == 0) {
    for (const auto number : problem.numbers) names.push_back(std::to_string(number));
  } else {
    Names used;
    std::vector<std::string> lines;
    for (const auto number : problem.numbers) {
      names.push_back(used.fresh('n', draws));
      lines.push_back(fmt::format("{} = {}", names.back(), number));
      parts.steps += lines.back() + "\n";
    }
    const auto other = [&] {
      const std::string unused = used.fresh('n', draws);
      const auto digits = kDigits[static_cast<std::size_t>(id.difficulty)];
      return fmt::format("{} = {}", unused, number_of(digits, draws));
    };
    parts.prompt = notes_of(std::move(lines), id.context, other, draws);
  }
  parts.prompt += filled(problem.text, names);
  parts.steps += problem.steps;
  return answer_task(id, std::move(parts));
}

}  // namespace dsa::rl
