#include "rl/tasks/stack_program.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <array>

#include "base/draws.h"

namespace dsa::rl {
namespace {

// What a program leaves, or its fault.
std::string left(std::string_view program, const std::vector<std::int64_t>& inputs = {7, 3},
                 const StackDictionary& words = {}) {
  const auto compiled = compile_stack(program, static_cast<int>(inputs.size()));
  if (!compiled.fault.empty()) return compiled.fault;
  const StackRun run = run_stack(compiled.steps, inputs, {}, words);
  return run.fault.empty() ? fmt::format("{}", fmt::join(run.stack, " ")) : run.fault;
}

TEST(StackProgram, Computes) {
  EXPECT_EQ(left("a b + a b - a b * a b / a b %"), "10 4 21 2 1");
  EXPECT_EQ(left("-7 2 / -7 2 % 7 -2 / 7 -2 %"), "-4 1 -4 -1") << "it does not round down";
  EXPECT_EQ(left("a b min a b max a b = a b < a b > a neg"), "3 7 0 0 1 -7");
  EXPECT_EQ(left("1 2 over swap dup drop"), "1 1 2");
  EXPECT_EQ(left(""), "");
}

TEST(StackProgram, DecidesAndRepeats) {
  EXPECT_EQ(left("a b > if 1 else 2 end a b < if 1 else 2 end"), "1 2");
  EXPECT_EQ(left("0 if 5 end 1 if 6 end"), "6");
  EXPECT_EQ(left("0 4 times i + end"), "10");
  EXPECT_EQ(left("0 2 times 3 times i + end end"), "12");
  EXPECT_EQ(left("5 0 times drop end -3 times drop end"), "5");
  EXPECT_EQ(left("12 18 while dup do swap over % end drop"), "6");
}

TEST(StackProgram, CallsWords) {
  const StackDictionary words{{"twice", compile_stack("dup +", 0).steps},
                              {"four", compile_stack("twice twice", 0).steps}};
  EXPECT_EQ(left("a four", {7}, words), "28");
  EXPECT_EQ(left("a five", {7}, words), "unknown word five");
}

TEST(StackProgram, WhatIsWrongIsSaid) {
  EXPECT_EQ(left("+"), "the stack is empty");
  EXPECT_EQ(left("1 0 /"), "divides by 0");
  EXPECT_EQ(left("1 0 %"), "divides by 0");
  EXPECT_EQ(left("c"), "unknown word c") << "there are two inputs";
  EXPECT_EQ(left("end"), "end without if");
  EXPECT_EQ(left("else"), "else without if");
  EXPECT_EQ(left("1 if 2 else 3 else 4 end"), "else without if");
  EXPECT_EQ(left("do"), "do without while");
  EXPECT_EQ(left("1 if"), "no end");
  EXPECT_EQ(left("while 1 end"), "end without if");
  EXPECT_EQ(left("i"), "i outside of times");
}

TEST(StackProgram, IsBounded) {
  EXPECT_EQ(left("while 1 do end"), "too many steps");
  EXPECT_EQ(left("1000000000 times end"), "too many steps");
  EXPECT_EQ(left("100 times 1 end"), "the stack is full");
  EXPECT_EQ(left("2 90 times dup * end"), "too large");
  EXPECT_EQ(left("99999999999999 99999999999999 *"), "too large");
  EXPECT_EQ(left("1000000000000000 1 +"), "too large");
  EXPECT_EQ(left("-1000000000000000 1 -"), "too large");
  std::string longest, deep;
  for (int i = 0; i < 300; ++i) longest += "1 ";
  for (int i = 0; i < 20; ++i) deep += "1 if ";
  EXPECT_EQ(left(longest), "too many words");
  EXPECT_EQ(left(deep), "nested too deep");
  StackDictionary words{{"f", compile_stack("f", 0).steps}};
  EXPECT_EQ(left("f", {}, words), "calls too deep");
}

TEST(StackProgram, AnyWordsRunToAnEnd) {
  constexpr std::array<std::string_view, 24> kWords{
      "1",   "0",    "-3",   "a",    "b", "+",  "-",    "*",     "/",   "%",     "min", "neg",
      "dup", "drop", "swap", "over", "i", "if", "else", "times", "end", "while", "do",  "9999999"};
  Draws draws(1, 1);
  std::int64_t ran = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::int64_t length = 1 + draws.below(14); length > 0; --length)
      text += std::string(draws.one_of(kWords)) + " ";
    const auto compiled = compile_stack(text, 2);
    if (!compiled.fault.empty()) continue;
    const StackRun run = run_stack(compiled.steps, std::array<std::int64_t, 2>{3, -2});
    EXPECT_LE(run.stack.size(), 64U);
    ran += run.fault.empty() ? 1 : 0;
  }
  EXPECT_GT(ran, 100) << "nearly none ran: the test says little";
}

}  // namespace
}  // namespace dsa::rl
