#include "rl/rewards/rubric.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dsa::rl {
namespace {

std::string yes_of(const Transcript& attempt) {
  std::string text;
  for (const auto& line : rubric_of(attempt)) text += line.yes ? 'y' : 'n';
  return text;
}

// What a task of mathematics is worth by the rubric, with this message.
std::string yes_of(const std::string& message) {
  const auto task = make_task(find_domain("mathematics"), {.number = 1});
  return yes_of(play(*task, std::vector<std::string>{message}));
}

TEST(Rubric, IsAnsweredByTheRules) {
  const auto task = make_task(find_domain("mathematics"), {.number = 1});
  const std::string answer = task->solution(Style::brief).back();
  EXPECT_EQ(yes_of(task->solution(Style::steps).back()), "yyyyy");
  EXPECT_EQ(yes_of(answer), "yynyy");
  EXPECT_EQ(yes_of("write it\n" + answer + "0"), "nyyyy");
  EXPECT_EQ(yes_of("schreibe es\n" + answer), "yyyny");
  EXPECT_EQ(yes_of("so\nso\n" + answer), "yyyyn");
  EXPECT_EQ(yes_of(answer + "\n" + answer), "nnyyn");
  EXPECT_EQ(yes_of(""), "nnnny");
  EXPECT_EQ(rubric_score(rubric_of(play(*task, std::vector{answer}))), 0.8);
  EXPECT_EQ(rubric_score({}), 0);
}

TEST(Rubric, ACallMayBeMadeTwice) {
  const auto task = make_task(find_domain("coding"), {.number = 1});
  EXPECT_EQ(yes_of(play(*task, task->solution(Style::steps))), "yyyyy");
}

TEST(Rubric, AttemptsGiveEveryLineBothAnswers) {
  for (const auto& domain : domains()) {
    std::array<int, kRubric.size()> yes{};
    constexpr int kAttempts = 300;
    for (std::int64_t number = 0; number < kAttempts; ++number) {
      const TaskId id{.seed = 3, .number = number, .difficulty = 2};
      const Transcript attempt = drawn_attempt(domain, id, 9);
      EXPECT_EQ(attempt.messages, drawn_attempt(domain, id, 9).messages);
      const auto lines = rubric_of(attempt);
      ASSERT_EQ(lines.size(), kRubric.size());
      for (std::size_t i = 0; i < lines.size(); ++i) yes[i] += lines[i].yes ? 1 : 0;
    }
    for (std::size_t i = 0; i < kRubric.size(); ++i) {
      // Steps of digits alone are in no language.
      if (i == 3 && (domain.name == "counting" || domain.name == "programming")) continue;
      EXPECT_GT(yes[i], kAttempts / 4) << domain.name << ": " << kRubric[i];
      EXPECT_LT(yes[i], kAttempts - 3) << domain.name << ": " << kRubric[i];
    }
    EXPECT_LT(yes[0], kAttempts * 3 / 4) << domain.name;
  }
}

TEST(Rubric, AJudgeReadsTaskMessagesRepliesAndAQuestion) {
  const auto task = make_task(find_domain("search"), {.number = 0});
  const Transcript attempt = play(*task, task->solution(Style::brief));
  EXPECT_EQ(judged_text(*task, attempt, kRubric[0]), task->prompt() + "\n---\n" + attempt.messages[0] + "\n" +
                                                         attempt.replies[0] + "\n---\n" +
                                                         attempt.messages[1] + "\n---\nis the answer right?");
}

}  // namespace
}  // namespace dsa::rl
