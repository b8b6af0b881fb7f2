#include "rl/tasks/message.h"

#include <gtest/gtest.h>

#include <array>

namespace dsa::rl {
namespace {

constexpr std::array<std::string_view, 2> kTools{"search", "read"};

std::string read(std::string_view message) {
  const ReadMessage read = read_message(message, kTools);
  return read.action ? std::string(read.action->verb) + "(" + std::string(read.action->argument) + ")"
                     : read.fault;
}

TEST(Message, ItsLastLineIsTheAnswerOrACall) {
  EXPECT_EQ(read("answer: 42"), "answer(42)");
  EXPECT_EQ(read("2 + 2 = 4\nanswer:4\n \n"), "answer(4)");
  EXPECT_EQ(read("I look: for her\nsearch: Mira  \r\n"), "search(Mira)");
  EXPECT_EQ(read("read:"), "read()");
  EXPECT_EQ(read("search: a: b"), "search(a: b)");
}

TEST(Message, WhatIsNeitherIsSaid) {
  EXPECT_EQ(read(""), "empty");
  EXPECT_EQ(read("42"), "no answer");
  EXPECT_EQ(read("write: x"), "no answer");
  EXPECT_EQ(read("search: Mira\nand so"), "no answer");
  EXPECT_EQ(read("answer: 1\nanswer: 1"), "several answers");
  EXPECT_EQ(read("my answer: 1, answer: 1"), "several answers");
  EXPECT_EQ(read("answer: 1\nsearch: Mira"), "an answer and a call");
  EXPECT_EQ(read("the answer: 1"), "an answer and a call");
  EXPECT_EQ(read(std::string(kLongestMessage + 1, 'a')), "too long");
}

TEST(Message, StepsStandBeforeTheAnswer) {
  EXPECT_EQ(with_answer("", "4"), "answer: 4");
  EXPECT_EQ(with_answer("2 + 2 = 4", "4"), "2 + 2 = 4\nanswer: 4");
  EXPECT_EQ(with_answer("2 + 2 = 4\n", "4"), "2 + 2 = 4\nanswer: 4");
}

}  // namespace
}  // namespace dsa::rl
