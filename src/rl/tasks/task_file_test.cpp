#include "rl/tasks/task_file.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dsa::rl {
namespace {

std::string refusal(std::string_view text) {
  try {
    const TaskFile file(text, "f");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(TaskFile, HoldsTasksThatAreRightByTheirText) {
  const TaskFile file(
      "{\"prompt\": \"2 + 2\", \"answer\": \"4\", \"steps\": \"two and two\"}\n \n"
      "{\"prompt\": \"who?\", \"answer\": \"a b\"}",
      "f");
  ASSERT_EQ(file.size(), 2);
  const auto task = file.task(2);
  EXPECT_EQ(task->prompt(), "2 + 2");
  EXPECT_EQ(task->id().number, 2);
  EXPECT_EQ(task->solution(Style::steps).back(), "two and two\nanswer: 4");
  EXPECT_EQ(play(*task, task->solution(Style::brief)).score.value, 1);
  EXPECT_EQ(play(*file.task(1), std::vector<std::string>{"answer: a  b"}).score.value, 0);
}

TEST(TaskFile, WhatIsNoTaskIsSaidWithItsLine) {
  EXPECT_EQ(refusal(""), "f: no tasks, expected a line of JSON for each");
  EXPECT_EQ(refusal("\n\n[1]"), "f line 3: expected an object with \"prompt\" and \"answer\"");
  EXPECT_EQ(refusal("{\"prompt\": \"p\"}"), "f line 1: expected a text \"answer\"");
  EXPECT_EQ(refusal("{\"prompt\": 1, \"answer\": \"2\"}"), "f line 1: expected a text \"prompt\"");
  for (const auto* answer : {"", " 4", "1\\n2", "answer: 2", "x answer: 2"})
    EXPECT_NE(
        refusal(std::string("{\"prompt\": \"p\", \"answer\": \"") + answer + "\"}").find("cannot be written"),
        std::string::npos)
        << answer;
  EXPECT_NE(refusal("{\"prompt\": \"p\","), "");
}

}  // namespace
}  // namespace dsa::rl
