#include "compare/summary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compare/runner.h"

namespace dsa::compare {
namespace {

Result result(const std::string& id, const std::string& set, Figures a, Figures b) {
  Result out{.id = id, .set = set, .digest = "d", .asked = "?", .a = {}, .b = {}};
  out.a.figures = std::move(a);
  out.b.figures = std::move(b);
  return out;
}

const Row& row(const Group& group, std::string_view name) {
  const auto found =
      std::ranges::find_if(group.rows, [&](const Row& one) { return one.metric.name == name; });
  EXPECT_NE(found, group.rows.end()) << name;
  return *found;
}

TEST(Summary, IsPairedOverWhatBothSidesHave) {
  const std::vector<Result> results{result("1", "x", {{"tokens", 10}}, {{"tokens", 12}}),
                                    result("2", "x", {{"tokens", 20}}, {{"tokens", 24}}),
                                    result("3", "y", {{"tokens", 30}}, {})};
  const Summary summary = summarise(results);
  ASSERT_EQ(summary.groups.size(), 3U);
  EXPECT_EQ(summary.groups[0].set, "x");
  EXPECT_EQ(summary.groups[2].set, "all");
  EXPECT_EQ(summary.groups[2].prompts, 3);
  const Row& tokens = row(summary.groups[2], "tokens");
  EXPECT_EQ(tokens.difference.n, 2);
  EXPECT_EQ(tokens.a, 15);
  EXPECT_EQ(tokens.b, 18);
  EXPECT_EQ(tokens.difference.mean, 3);
  ASSERT_TRUE(tokens.difference.interval);
  EXPECT_LT(tokens.difference.interval->low, 3);
  EXPECT_TRUE(summary.groups[1].rows.empty());
}

TEST(Summary, SharesHaveIntervalsOfTheirOwn) {
  const std::vector<Result> results{result("1", "x", {{"loops", 1}}, {{"loops", 0}}),
                                    result("2", "x", {{"loops", 1}}, {{"loops", 0}})};
  const Summary summary = summarise(results);
  ASSERT_EQ(summary.groups.size(), 1U) << "one set is all of them";
  const Row& loops = row(summary.groups[0], "loops");
  ASSERT_TRUE(loops.a_interval);
  EXPECT_EQ(loops.a_interval->high, 1);
  EXPECT_LT(loops.a_interval->low, 1);
}

TEST(Summary, TheJudgeIsComparedWithTheRules) {
  auto one = result("1", "x", {{"score", 1}}, {{"score", 0}}), two = one, three = one, four = one;
  one.judgement = Judgement{Verdict::a, Verdict::a};
  two.judgement = Judgement{Verdict::b, Verdict::b};
  three.judgement = Judgement{Verdict::a, Verdict::b};
  four.judgement = Judgement{Verdict::unclear, Verdict::a};
  const auto judge = summarise(std::vector<Result>{one, two, three, four}).judge;
  ASSERT_TRUE(judge);
  EXPECT_EQ(judge->a, 1);
  EXPECT_EQ(judge->b, 1);
  EXPECT_EQ(judge->by_place, 1);
  EXPECT_EQ(judge->unclear, 1);
  EXPECT_EQ(judge->decided, 2);
  EXPECT_EQ(judge->agreed, 1);
  EXPECT_FALSE(summarise(std::vector<Result>{result("1", "x", {}, {})}).judge);
}

TEST(Summary, AResultComesBackFromItsLine) {
  Result before = result("1", "x", {{"tokens", 3}, {"tests", 1}}, {{"tokens", 4}});
  before.turns_ago = 2;
  before.first_difference = 7;
  before.a.text = "A \"b\"\n";
  before.a.code = "passed";
  before.judgement = Judgement{Verdict::tie, Verdict::unclear};
  const auto after = parse_result(to_json(before));
  ASSERT_TRUE(after);
  EXPECT_EQ(to_json(*after), to_json(before));
  EXPECT_EQ(after->a.figures, before.a.figures);
  EXPECT_FALSE(parse_result(nlohmann::ordered_json{{"id", "1"}}));
  EXPECT_FALSE(parse_result(nlohmann::ordered_json(3)));
}

// The script of a side: what it answers to each question.
class Scripted final : public Speaker {
 public:
  std::optional<Said> say(std::span<const ChatMessage> messages, const std::atomic<bool>& cancel) override {
    if (cancel) return std::nullopt;
    asked.emplace_back(messages.begin(), messages.end());
    return Said{.message = {.role = Role::assistant, .content = "Answer " + std::to_string(asked.size())},
                .finish = "stop",
                .figures = {{"tokens", 2}}};
  }
  [[nodiscard]] nlohmann::ordered_json identity() const override { return {}; }
  std::vector<std::vector<ChatMessage>> asked;
};

TEST(AskBoth, EveryTurnIsAnsweredByTheSideItself) {
  Scripted a, b;
  Prompt prompt;
  prompt.id = "m";
  prompt.history = {{.role = Role::system, .content = "S"}};
  prompt.turns = {"My cat is Mina.", "What is its name?"};
  prompt.expected.facts = {{"Answer 2"}};
  const auto got = ask_both({.a = a, .b = b}, prompt, First::b, std::atomic<bool>(false));
  ASSERT_TRUE(got);
  ASSERT_EQ(a.asked.size(), 2U);
  ASSERT_EQ(a.asked[1].size(), 4U);
  EXPECT_EQ(a.asked[1][2].content, "Answer 1");
  EXPECT_EQ(got->a.text, "Answer 2");
  EXPECT_EQ(got->a.figures.at("score"), 1);
  EXPECT_FALSE(got->first_difference);
  EXPECT_FALSE(ask_both({.a = a, .b = b}, prompt, First::a, std::atomic<bool>(true)));
}

TEST(AskBoth, RewordingsAreAskedInTheQuestionsPlace) {
  Scripted a, b;
  Prompt prompt;
  prompt.turns = {"2 + 0?"};
  prompt.rewordings = {"two and nothing?", "zero more than two?"};
  prompt.expected.number = 2;
  const auto got = ask_both({.a = a, .b = b}, prompt, First::a, std::atomic<bool>(false));
  EXPECT_EQ(a.asked.size(), 3U);
  EXPECT_EQ(a.asked[2].size(), 1U);
  EXPECT_DOUBLE_EQ(got->a.figures.at("number"), 1.0 / 3);
  EXPECT_EQ(got->a.figures.at("stable"), 0);
}

}  // namespace
}  // namespace dsa::compare
