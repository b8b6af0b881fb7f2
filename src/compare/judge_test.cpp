#include "compare/judge.h"

#include <gtest/gtest.h>

#include <functional>

namespace dsa::compare {
namespace {

/// Says what a function makes of the question.
class Says final : public Speaker {
 public:
  explicit Says(std::function<std::string(const std::string&)> answer) : answer_(std::move(answer)) {}
  std::optional<Said> say(std::span<const ChatMessage> messages, const std::atomic<bool>&) override {
    return Said{.message = {.role = Role::assistant, .content = answer_(messages.back().content)},
                .finish = "stop",
                .figures = {}};
  }
  [[nodiscard]] nlohmann::ordered_json identity() const override { return {}; }

 private:
  std::function<std::string(const std::string&)> answer_;
};

const std::atomic<bool> kGoOn{false};
Prompt question() {
  Prompt out;
  out.turns = {"Why is the sky blue?"};
  return out;
}

TEST(Judge, TheLastVerdictCounts) {
  EXPECT_EQ(read_verdict("VERDICT: 1"), Verdict::a);
  EXPECT_EQ(read_verdict("I would say VERDICT: 1, but no.\n**VERDICT:** 2"), Verdict::b);
  EXPECT_EQ(read_verdict("VERDICT: 0\n"), Verdict::tie);
  EXPECT_EQ(read_verdict("verdict 1"), Verdict::unclear);
  EXPECT_EQ(read_verdict("VERDICT: 12"), Verdict::unclear);
  EXPECT_EQ(read_verdict("VERDICT:"), Verdict::unclear);
}

TEST(Judge, OneThatGoesByTheAnswerIsSettled) {
  Says finds_right([](const std::string& asked) {
    return asked.find("<answer 1>\nright") != std::string::npos ? "VERDICT: 1" : "VERDICT: 2";
  });
  const auto judged = judge(finds_right, default_rubric(), question(), "wrong", "right", kGoOn);
  EXPECT_EQ(judged->settled(), Verdict::b);
  EXPECT_EQ(judge(finds_right, default_rubric(), question(), "right", "wrong", kGoOn)->settled(), Verdict::a);
}

TEST(Judge, OneThatGoesByThePlaceIsNot) {
  Says first([](const std::string&) { return "VERDICT: 1"; });
  const auto judged = judge(first, default_rubric(), question(), "x", "y", kGoOn);
  EXPECT_EQ(judged->a_first, Verdict::a);
  EXPECT_EQ(judged->b_first, Verdict::b);
  EXPECT_EQ(judged->settled(), std::nullopt);
  Says silent([](const std::string&) { return "Hm."; });
  EXPECT_EQ(judge(silent, default_rubric(), question(), "x", "y", kGoOn)->settled(), std::nullopt);
}

TEST(Judge, IsToldTheRubricTheQuestionAndBothAnswers) {
  const std::string asked = judge_question("RUBRIC", question(), "one", "two");
  for (const char* part : {"RUBRIC", "Why is the sky blue?", "<answer 1>\none\n", "<answer 2>\ntwo\n"})
    EXPECT_NE(asked.find(part), std::string::npos) << part;
}

TEST(Judge, VerdictsHaveNames) {
  for (const Verdict one : {Verdict::a, Verdict::b, Verdict::tie, Verdict::unclear})
    EXPECT_EQ(parse_verdict(name(one)), one);
  EXPECT_EQ(parse_verdict("c"), std::nullopt);
}

}  // namespace
}  // namespace dsa::compare
