// Programs of the stack language that must pass tests which nobody is shown.
#include <fmt/format.h>

#include <array>
#include <set>

#include "base/error.h"
#include "rl/tasks/formula.h"
#include "rl/tasks/makers.h"
#include "rl/tasks/message.h"
#include "rl/tasks/notes.h"
#include "rl/tasks/stack_program.h"

namespace dsa::rl {
namespace {

constexpr int kInputs = 2;  // a and b; who is told of one alone may use neither more
constexpr std::size_t kTests = 16;
constexpr std::size_t kDistinct = 4;  // results of the tests, at least: no number passes

struct ProgramTest {
  std::array<std::int64_t, kInputs> inputs;
  std::int64_t result;
};

// The one value that a program leaves; nothing if it fails.
std::optional<std::int64_t> result_of(const CompiledStack& program, std::span<const std::int64_t> inputs) {
  const StackRun run = run_stack(program.steps, inputs);
  if (!run.fault.empty() || run.stack.size() != 1) return std::nullopt;
  return run.stack.front();
}

std::optional<std::string> wrong_program(std::string_view text, std::span<const ProgramTest> tests) {
  const auto program = compile_stack(text, kInputs);
  if (!program.fault.empty()) return "does not compile";
  for (const auto& test : tests) {
    const StackRun run = run_stack(program.steps, test.inputs);
    if (!run.fault.empty()) return "a test fails: " + run.fault;
    if (run.stack.size() != 1) return "a test leaves not one value";
    if (run.stack.front() != test.result) return "a test fails";
  }
  return std::nullopt;
}

struct Specified {
  Formula formula;
  std::vector<ProgramTest> tests;
};

// Of test i.
std::array<std::int64_t, kInputs> inputs_for(Formula::Kind kind, std::size_t i, Draws& draws) {
  if (kind == Formula::Kind::divisor) return {6 * (1 + draws.below(9)), 4 * (1 + draws.below(9))};
  const std::int64_t any = draws.below(40) - 15;
  if (kind == Formula::Kind::sum || kind == Formula::Kind::product)
    return {static_cast<std::int64_t>(i % 7), any};
  return {i % 3 == 0 ? any : draws.below(40) - 15, any};
}

// Nothing if a number, or less than the whole formula, would pass.
std::vector<ProgramTest> telling_tests(const Formula& formula, Draws& draws) {
  const auto program = compile_stack(formula_program(formula), kInputs);
  DSA_CHECK(program.fault.empty());
  std::vector<ProgramTest> tests;
  std::set<std::int64_t> results;
  for (std::size_t i = 0; i < kTests; ++i) {
    const auto inputs = inputs_for(formula.kind, i, draws);
    const auto result = result_of(program, inputs);
    if (!result) return {};
    results.insert(*result);
    tests.push_back({.inputs = inputs, .result = *result});
  }
  if (results.size() < kDistinct) return {};
  for (const auto& shorter : shortcuts(formula))
    if (!wrong_program(formula_program(shorter), tests)) return {};
  return tests;
}

Specified draw_specified(int difficulty, Draws& draws) {
  for (;;) {
    Specified out{.formula = draw_formula(difficulty, draws), .tests = {}};
    out.tests = telling_tests(out.formula, draws);
    if (!out.tests.empty()) return out;
  }
}

}  // namespace

std::unique_ptr<const Task> make_programming(const TaskId& id) {
  Draws draws = draws_of(id, 3);
  Specified specified = draw_specified(id.difficulty, draws);
  const std::string arguments = id.difficulty == 0 ? "a" : "a, b";
  const auto line = [&](const std::string& name, const Formula& formula) {
    return fmt::format("{}({}) = {}", name, arguments, formula_text(formula));
  };
  AnswerParts parts{.prompt = {}, .steps = {}, .answer = formula_program(specified.formula)};
  std::string name = "f";
  if (id.context == 0) {
    parts.prompt = line(name, specified.formula) + "\n";
  } else {
    Names names;
    name = names.fresh('f', draws);
    const auto other = [&] {
      const std::string unused = names.fresh('f', draws);
      return line(unused, draw_formula(id.difficulty, draws));
    };
    parts.prompt = notes_of({line(name, specified.formula)}, id.context, other, draws);
    parts.steps = line(name, specified.formula) + "\n";
  }
  const ProgramTest& shown = specified.tests.back();
  const std::string values = id.difficulty == 0 ? std::to_string(shown.inputs[0])
                                                : fmt::format("{}, {}", shown.inputs[0], shown.inputs[1]);
  parts.prompt += fmt::format("{}({}) = {}\nProgram for {}?", name, values, shown.result, name);
  parts.steps += formula_steps(specified.formula);
  parts.wrong = [tests = std::move(specified.tests)](std::string_view text) {
    return wrong_program(text, tests);
  };
  return answer_task(id, std::move(parts));
}

}  // namespace dsa::rl
