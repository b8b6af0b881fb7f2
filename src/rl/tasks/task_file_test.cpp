#include "rl/tasks/task_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "testing/test_files.h"

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

// Of 21 lines 0, 10 and 20 are for evaluation.
TEST(TaskFile, IsADomainThatIsTrainedOnWithoutEveryTenthTask) {
  TempFolder folder;
  std::string lines;
  for (int i = 0; i < 21; ++i) lines += fmt::format("{{\"prompt\": \"{}?\", \"answer\": \"{}\"}}\n", i, i);
  const Domain& domain = find_domain(folder.write("own.jsonl", lines).string());
  EXPECT_EQ(&find_domain(domain.name), &domain) << "it was read again";
  const auto prompts = [&](std::uint64_t seed, std::int64_t count) {
    std::vector<std::string> out;
    for (std::int64_t number = 0; number < count; ++number)
      out.push_back(make_task(domain, {.seed = seed, .number = number})->prompt());
    return out;
  };
  const auto trained = prompts(kTrainingSeed, 19);
  EXPECT_EQ(std::set(trained.begin(), trained.end()).size(), 18U);
  EXPECT_EQ(trained[0], "1?");
  EXPECT_EQ(trained[9], "11?");
  EXPECT_EQ(trained[18], trained[0]);
  EXPECT_EQ(prompts(7, 4), (std::vector<std::string>{"0?", "10?", "20?", "0?"}));
  for (const auto& prompt : prompts(7, 3)) EXPECT_EQ(std::ranges::count(trained, prompt), 0) << prompt;
  EXPECT_THROW(find_domain(folder.write("one.jsonl", "{\"prompt\": \"p\", \"answer\": \"1\"}").string()),
               Error);
  EXPECT_THROW(find_domain("none.jsonl"), Error);
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
