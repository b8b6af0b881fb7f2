#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "rl/tasks/makers.h"
#include "rl/tasks/repository.h"

namespace dsa::rl {
namespace {

Repository toy() {
  return Repository({{"a.t", {"# a1: x + 5", ": a1 5 + ;"}}, {"b.t", {": b1 a1 dup * ;"}}});
}
const std::vector<WordTest> kToyTests{{"a1", 1, 6}, {"b1", 1, 36}};

TEST(Repository, IsReadEditedAndRun) {
  Repository files = toy();
  EXPECT_EQ(files.list(), "a.t b.t");
  EXPECT_EQ(files.read("a.t"), "1 # a1: x + 5\n2 : a1 5 + ;");
  EXPECT_EQ(files.run(kToyTests), "2 pass, 0 fail");
  EXPECT_EQ(files.edit("a.t 2 : a1 4 + ;"), "ok");
  EXPECT_EQ(files.run(kToyTests), "a1 1 gives 5 not 6\nb1 1 gives 25 not 36\n0 pass, 2 fail");
  EXPECT_EQ(files.failures(kToyTests), 2U);
  EXPECT_EQ(files.result("a1", 3), 7);
}

TEST(Repository, WhatIsWrongIsSaidInALine) {
  Repository files = toy();
  EXPECT_EQ(files.read("../a.t"), "no file ../a.t");
  EXPECT_EQ(files.read(""), "no file ");
  EXPECT_EQ(files.edit("c.t 1 x"), "no file c.t");
  for (const auto* line : {"0", "3", "-1", "1x", "", "99999999999999999999"})
    EXPECT_EQ(files.edit(std::string("a.t ") + line + " : a1 ;"),
              std::string("no line ") + line + (*line == 0 ? ":" : ""));
  EXPECT_EQ(files.edit("a.t 2 " + std::string(200, '+')), "the line is too long");
  EXPECT_EQ(files.edit("a.t 2 a1 5 +"), "ok");
  EXPECT_EQ(files.run(kToyTests), "a.t line 2: expected : NAME WORDS ;");
  EXPECT_EQ(files.edit("a.t 2 : a1 if ;"), "ok");
  EXPECT_EQ(files.run(kToyTests), "a.t line 2: no end");
  EXPECT_EQ(files.edit("a.t 2 : b1 5 + ;"), "ok");
  EXPECT_EQ(files.run(kToyTests), "b.t line 1: b1 is defined twice");
  EXPECT_EQ(files.failures(kToyTests), 2U);
  EXPECT_EQ(files.edit("a.t 2 : a1 a1 ;"), "ok");
  EXPECT_EQ(files.run(kToyTests), "a1 1 gives nothing not 6\nb1 1 gives nothing not 36\n0 pass, 2 fail");
}

TEST(Coding, LearningTheShownTestsByHeartDoesNotPass) {
  std::int64_t tried = 0;
  for (std::int64_t number = 0; number < 20; ++number) {
    const auto task = make_coding({.number = number});
    auto messages = task->solution(Style::brief);
    const auto edit =
        std::ranges::find_if(messages, [](const auto& text) { return text.starts_with("edit: "); });
    ASSERT_NE(edit, messages.end());
    // ": a1 5 + ;" becomes a word that knows what 3 and 11 give.
    const auto colon = edit->find(" : ");
    const std::string name = edit->substr(colon + 3, edit->find(' ', colon + 3) - colon - 3);
    const auto probe = [&](std::int64_t input) {
      Repository one({{"a.t", {edit->substr(colon + 1)}}});
      return one.result(name, input);
    };
    if (!probe(3) || !probe(11)) continue;  // it uses others
    *edit =
        edit->substr(0, colon) + fmt::format(" : {} 3 = if {} else {} end ;", name, *probe(3), *probe(11));
    EXPECT_EQ(play(*task, messages).score.reason, "a hidden test fails") << *edit;
    ++tried;
  }
  EXPECT_GT(tried, 5);
}

TEST(Coding, NothingButAMendedRepositoryIsRight) {
  for (int difficulty = 0; difficulty <= 9; ++difficulty) {
    const auto task = make_coding({.number = 2, .difficulty = difficulty});
    const auto reason = [&](const std::vector<std::string>& messages) {
      return play(*task, messages).score.reason;
    };
    EXPECT_EQ(reason({"answer: done"}), "a test fails");
    EXPECT_EQ(reason({"run:", "answer: done"}), "a test fails");
    EXPECT_EQ(reason({"run:"}), "not over");
    EXPECT_EQ(reason({"edit: tests.t 1 # none", "edit: a.t 2", "answer: done"}), "a test fails");
    EXPECT_EQ(reason(std::vector<std::string>(100, "run:")), "too many turns");
    auto messages = task->solution(Style::brief);
    messages.back() = "answer: undone";
    EXPECT_EQ(reason(messages), "wrong answer");
    // Mended, and spoilt again.
    messages.back() = "edit: a.t 1 : a1 ;";
    messages.emplace_back("edit: a.t 2 : a1 ;");
    messages.emplace_back("answer: done");
    EXPECT_EQ(reason(messages), "a test fails");
  }
}

TEST(Coding, EndlessDefinitionsEnd) {
  const auto task = make_coding({.number = 0, .difficulty = 9});
  EXPECT_EQ(play(*task, std::vector<std::string>{"edit: a.t 2 : a1 while 1 do end ;",
                                                 "run:", "edit: a.t 2 : a1 a1 a1 ;", "run:", "answer: done"})
                .score.reason,
            "a test fails");
}

}  // namespace
}  // namespace dsa::rl
