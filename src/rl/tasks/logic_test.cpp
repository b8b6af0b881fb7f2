#include <gtest/gtest.h>

#include <sstream>

#include "rl/tasks/makers.h"

namespace dsa::rl {
namespace {

std::unique_ptr<const Task> puzzle_with(const std::string& text, int difficulty, std::int64_t from = 0) {
  for (std::int64_t number = from; number < from + 1000; ++number) {
    auto task = make_logic({.number = number, .difficulty = difficulty});
    if (task->prompt().find(text) != std::string::npos) return task;
  }
  throw std::runtime_error("no puzzle says " + text);
}

double value_of(const Task& task, const std::string& answer) {
  return play(task, std::vector<std::string>{"answer: " + answer}).score.value;
}

// Of what stands in the prompt alone: the literal "not p" or "p" under values "p=1 q=0".
bool literal_holds(const std::string& literal, const std::string& values) {
  const bool negated = literal.starts_with("not ");
  const char variable = literal[negated ? 4 : 0];
  return values[values.find(variable) + 2] == (negated ? '0' : '1');
}

TEST(Clauses, ExactlyTheValuesThatMakeAllTrueAreRight) {
  for (std::int64_t from = 0; from < 200; from += 20) {
    const int difficulty = static_cast<int>(from / 20);
    const auto task = puzzle_with("which values", difficulty, from);
    const int variables = 2 + difficulty / 3;
    for (int bits = 0; bits < 1 << variables; ++bits) {
      std::string values;
      for (int i = 0; i < variables; ++i)
        values += std::string(i == 0 ? "" : " ") + "pqrst"[i] + "=" + ((bits >> i & 1) != 0 ? "1" : "0");
      bool all = true;
      std::istringstream lines(task->prompt());
      for (std::string line; std::getline(lines, line) && line.find('?') == std::string::npos;) {
        bool any = false;
        for (std::size_t at = 0; at != std::string::npos;
             at = line.find(" or ", at), at += at == std::string::npos ? 0 : 4)
          any = any || literal_holds(line.substr(at), values);
        all = all && any;
      }
      EXPECT_EQ(value_of(*task, values), all ? 1 : 0) << task->prompt() << "\n" << values;
    }
  }
}

TEST(Clauses, HalfAnAnswerIsNone) {
  const auto task = puzzle_with("which values", 3);
  for (const auto* answer :
       {"p=1", "p=1 q=1 r=1 p=0 q=0 r=0", "p=2 q=0 r=1", "1 0 1", "p=1, q=0, r=1", "p q r"})
    EXPECT_EQ(value_of(*task, answer), 0) << answer;
}

TEST(Knights, OneOfAllAnswersIsRight) {
  const auto task = puzzle_with("knight or knave: ", 3);
  const std::string solution = task->solution(Style::brief).back().substr(8);
  std::vector<std::string> people;
  std::istringstream parts(solution);
  for (std::string name, kind; parts >> name >> kind;) people.push_back(name);
  ASSERT_EQ(people.size(), 3U);
  int right = 0;
  for (int bits = 0; bits < 8; ++bits) {
    std::string answer;
    for (std::size_t i = 0; i < people.size(); ++i)
      answer += (i == 0 ? "" : ", ") + people[i] + ((bits >> i & 1) != 0 ? " knight" : " knave");
    right += value_of(*task, answer) == 1 ? 1 : 0;
  }
  EXPECT_EQ(right, 1);
  EXPECT_EQ(value_of(*task, "knight knave"), 0);
  EXPECT_EQ(value_of(*task, solution + ", " + solution), 0);
}

TEST(Ordering, TheStepsFollowWhatWasTold) {
  for (int difficulty = 0; difficulty < 10; ++difficulty) {
    const auto task = puzzle_with("who is in place", difficulty);
    std::istringstream steps(task->solution(Style::steps).back());
    std::string word, before;
    for (std::string name; steps >> word >> name && word != "answer:"; before = name) {
      if (word == "then") {
        EXPECT_TRUE(task->prompt().find(before + " is right before " + name) != std::string::npos ||
                    task->prompt().find(name + " is right after " + before) != std::string::npos)
            << task->prompt();
      }
    }
  }
}

}  // namespace
}  // namespace dsa::rl
