#include <gtest/gtest.h>

#include <stdexcept>

#include "rl/tasks/makers.h"

namespace dsa::rl {
namespace {

std::string judged(const Task& task, const std::string& program) {
  return play(task, std::vector<std::string>{"answer: " + program}).score.reason;
}

// The first task whose prompt has the text.
std::unique_ptr<const Task> task_with(const std::string& text, int difficulty) {
  for (std::int64_t number = 0; number < 10'000; ++number) {
    auto task = make_programming({.number = number, .difficulty = difficulty});
    if (task->prompt().find(text) != std::string::npos) return task;
  }
  throw std::runtime_error("no task says " + text);
}

TEST(Programming, AnyProgramThatPassesIsRight) {
  const auto task = task_with("f(a) = a + 3", 0);
  for (const auto* program :
       {"a 3 +", "3 a +", "a 1 2 + +", "a neg 3 - neg", "1 if a 3 + end", "a 3 times 1 + end"})
    EXPECT_EQ(judged(*task, program), "right") << program;
}

TEST(Programming, WhatOnlyLooksRightIsWrong) {
  const auto task = task_with("f(a) = a + 3", 0);
  const std::string prompt = task->prompt();
  // What is shown, learnt by heart.
  const auto second = prompt.find("f(", 3);
  const auto shown = prompt.substr(prompt.find("= ", second) + 2);
  EXPECT_EQ(judged(*task, shown.substr(0, shown.find('\n'))), "a test fails");
  EXPECT_EQ(judged(*task, "a 3 -"), "a test fails");
  EXPECT_EQ(judged(*task, "a + 3"), "a test fails: the stack is empty");
  EXPECT_EQ(judged(*task, "a a 3 +"), "a test leaves not one value");
  EXPECT_EQ(judged(*task, "while 1 do end"), "a test fails: too many steps");
  EXPECT_EQ(judged(*task, "a 3 + end"), "does not compile");
}

TEST(Programming, NoConstantPassesAnyTask) {
  for (std::int64_t number = 0; number < 200; ++number) {
    const auto task = make_programming({.number = number, .difficulty = static_cast<int>(number % 10)});
    for (const auto* program : {"", "0", "1", "2", "5", "0 a drop"})
      EXPECT_NE(judged(*task, program), "right") << task->prompt();
  }
}

TEST(Programming, BothBranchesAreTested) {
  const auto task = task_with("if a = b then a * b else a + b", 4);
  EXPECT_EQ(judged(*task, "a b = if a b * else a b + end"), "right");
  EXPECT_EQ(judged(*task, "a b +"), "a test fails");
  EXPECT_EQ(judged(*task, "a b *"), "a test fails");
}

TEST(Programming, DivisorsAndRepetitionsAreSolved) {
  EXPECT_EQ(judged(*task_with("largest divisor", 8), "a b while dup do swap over % end drop"), "right");
  const auto task = task_with("= sum of (i + 2) for i = 1 to a", 6);
  EXPECT_EQ(judged(*task, "a a 1 + * 2 / a 2 * +"), "right") << "the closed form";
}

}  // namespace
}  // namespace dsa::rl
