#include <gtest/gtest.h>

#include "rl/tasks/makers.h"

namespace dsa::rl {
namespace {

TEST(Counting, TheStepsSpellTheWordAndCount) {
  const auto task = make_counting({.number = 1, .difficulty = 7});
  const auto steps = task->solution(Style::steps).back();
  std::string word;
  for (const char c : steps.substr(0, steps.find('\n')))
    if (c >= 'a' && c <= 'z') word += c;
  EXPECT_NE(task->prompt().find(" in " + word + "?"), std::string::npos) << task->prompt() << "\n" << steps;
}

TEST(Counting, OtherWaysToSayANumberAreWrong) {
  const auto task = make_counting({.number = 4, .difficulty = 5});
  const auto right = task->solution(Style::brief).back();
  EXPECT_EQ(play(*task, std::vector{right}).score.value, 1);
  for (const auto* ending : {".0", "0", " letters", ",", "."})
    EXPECT_EQ(play(*task, std::vector{right + ending}).score.value, 0) << ending;
  EXPECT_EQ(play(*task, std::vector<std::string>{"answer: 0 1 2 3 4"}).score.reason, "wrong answer");
}

}  // namespace
}  // namespace dsa::rl
