#include "rl/tasks/domain.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/draws.h"
#include "base/error.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kTasks = 1000;  // of a domain

TaskId id_of(std::int64_t number) {
  return {.seed = 7,
          .number = number,
          .difficulty = static_cast<int>(number % (kHardest + 1)),
          .context = number % 4 == 3 ? 2500 : 0};
}

std::string all_of(const std::vector<std::string>& messages) {
  std::string text;
  for (const auto& message : messages) text += message + "\n";
  return text;
}

class EveryDomain : public ::testing::TestWithParam<const Domain*> {
 protected:
  [[nodiscard]] static std::unique_ptr<const Task> task(std::int64_t number) {
    return make_task(*GetParam(), id_of(number));
  }
  [[nodiscard]] static Score score(const Task& task, const std::vector<std::string>& messages) {
    return play(task, messages).score;
  }
};

TEST_P(EveryDomain, SolutionsScoreOneWithTheirStepsAndWithout) {
  for (std::int64_t number = 0; number < kTasks; ++number) {
    const auto made = task(number);
    for (const Style style : {Style::steps, Style::brief}) {
      const auto messages = made->solution(style);
      const Transcript played = play(*made, messages);
      ASSERT_EQ(played.score.value, 1) << made->prompt() << "\n"
                                       << messages.back() << "\n"
                                       << played.score.reason;
      EXPECT_EQ(played.score.reason, "right");
      EXPECT_EQ(played.messages.size(), messages.size());
      EXPECT_EQ(played.replies.size() + 1, messages.size());
      EXPECT_LE(static_cast<int>(messages.size()), made->turns());
    }
  }
}

TEST_P(EveryDomain, ATaskIsAFunctionOfItsIdAlone) {
  std::set<std::string> tasks;
  for (std::int64_t number = 0; number < 50; ++number) {
    const auto first = task(number), second = task(number);
    EXPECT_EQ(first->prompt(), second->prompt());
    EXPECT_EQ(first->solution(Style::steps), second->solution(Style::steps));
    EXPECT_EQ(first->id(), id_of(number));
    TaskId other_id = id_of(number);
    other_id.seed = 8;
    for (const auto& id : {id_of(number), other_id}) {
      const auto made = make_task(*GetParam(), id);
      tasks.insert(made->prompt() + all_of(made->solution(Style::brief)));
    }
  }
  EXPECT_GT(tasks.size(), 80U) << "tasks of different ids are the same";
}

TEST_P(EveryDomain, ContextIsAtLeastWhatWasAskedForAndLittleMore) {
  for (const std::int64_t bytes : {0, 600, 5000}) {
    const auto made = make_task(*GetParam(), {.number = 3, .difficulty = 2, .context = bytes});
    const auto size = static_cast<std::int64_t>(made->prompt().size());
    EXPECT_GE(size, bytes);
    EXPECT_LE(size, bytes + 1000);
  }
}

TEST_P(EveryDomain, TheAnswersOfOtherTasksRarelyFit) {
  std::int64_t right = 0;
  for (std::int64_t number = 0; number < 300; ++number)
    right += score(*task(number), task(number + 10)->solution(Style::brief)).value > 0 ? 1 : 0;
  EXPECT_LT(right, 150);
}

TEST_P(EveryDomain, NoAnswerIsRightMostOfTheTime) {
  for (const int difficulty : {0, 3, 6, 9}) {
    std::map<std::string, int> times;
    for (std::int64_t number = 0; number < 200; ++number)
      ++times[all_of(
          make_task(*GetParam(), {.number = number, .difficulty = difficulty})->solution(Style::brief))];
    for (const auto& [answer, count] : times)
      EXPECT_LT(count, GetParam()->name == "counting" ? 120 : 60)
          << answer << " at difficulty " << difficulty;
  }
}

TEST_P(EveryDomain, WhatIsNoAnswerScoresZero) {
  for (std::int64_t number = 0; number < 100; ++number) {
    const auto made = task(number);
    const auto solved = made->solution(Style::steps);
    const std::string& last = solved.back();
    const auto mark = last.rfind(kAnswerMark);
    ASSERT_NE(mark, std::string::npos);
    const std::string answer = last.substr(mark);
    const std::vector<std::string> tries{
        "",
        " \n\n",
        std::string(kAnswerMark),
        "answer: ",
        answer + "\n" + answer,                                 // twice
        answer + "\nanswer: 0",                                 // several
        "answer: 0\n" + answer,                                 //
        answer + " " + answer,                                  //
        answer.substr(kAnswerMark.size()),                      // without its mark
        "The " + answer,                                        // not a line of its own
        answer + "\nThat is all.",                              // not the last
        std::string(kLongestMessage + 1, 'a') + "\n" + answer,  // beyond all bounds
        last + std::string(kLongestMessage, ' '),               //
        "Answer:" + answer.substr(kAnswerMark.size()),          //
        answer + " or 1",                                       //
    };
    for (const auto& text : tries) {
      std::vector<std::string> messages(solved.begin(), solved.end() - 1);
      messages.push_back(text);
      EXPECT_EQ(score(*made, messages).value, 0) << printable(text);
    }
  }
}

TEST_P(EveryDomain, AnyBytesAreJudged) {
  Draws draws(5, 1);
  const auto noise = [&] {
    std::string text;
    for (std::int64_t length = draws.below(60); length > 0; --length)
      text += static_cast<char>(draws.below(256));
    return text;
  };
  for (std::int64_t number = 0; number < 300; ++number) {
    const auto made = task(number);
    const auto solved = made->solution(Style::steps);
    const auto episode = made->begin();
    bool over = false;
    for (int turn = 0; turn < made->turns() && !over; ++turn) {
      std::string text = solved[std::min(static_cast<std::size_t>(turn), solved.size() - 1)];
      // Torn to pieces, or in place of itself.
      if (draws.below(2) == 0)
        text.insert(static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(text.size()) + 1)),
                    noise());
      else
        text = noise() + "\n" + (draws.below(2) == 0 ? "answer: " : "read: ") + noise();
      const auto reply = episode->reply(text);
      over = !reply;
      if (reply) {
        EXPECT_LE(reply->size(), kLongestReply);
      }
    }
    EXPECT_TRUE(over) << "an episode without end";
    const Score score = episode->score();
    EXPECT_TRUE(score.value >= 0 && score.value <= 1);
    EXPECT_FALSE(score.reason.empty());
    EXPECT_LE(score.reason.size(), 60U);
  }
}

TEST_P(EveryDomain, WhatIsOutOfRangeIsSaid) {
  const auto thrown = [](const TaskId& id) -> std::string {
    try {
      static_cast<void>(make_task(*GetParam(), id));
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(thrown({.difficulty = 10}), fmt::format("{}: difficulty 10: expected 0 to 9", GetParam()->name));
  EXPECT_NE(thrown({.difficulty = -1}), "");
  EXPECT_NE(thrown({.number = -1}), "");
  EXPECT_NE(thrown({.context = kLongestTask + 1}), "");
}

std::vector<const Domain*> all() {
  std::vector<const Domain*> out;
  for (const auto& domain : domains()) out.push_back(&domain);
  return out;
}
INSTANTIATE_TEST_SUITE_P(All, EveryDomain, ::testing::ValuesIn(all()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Domains, AreFoundByName) {
  for (const auto& domain : domains()) EXPECT_EQ(&find_domain(domain.name), &domain);
  EXPECT_THROW(static_cast<void>(find_domain("poetry")), Error);
}

}  // namespace
}  // namespace dsa::rl
