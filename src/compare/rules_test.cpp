#include "compare/rules.h"

#include <gtest/gtest.h>

namespace dsa::compare {
namespace {

TEST(Rules, FactsAreSaidInOneOfTheirWaysAsWholeWords) {
  const Expected expected{.facts = {{"grey", "gray"}, {"two cats"}}, .forbidden = {{"dog"}}};
  const Figures said = judge_text("Her TWO   cats are gray.", expected);
  EXPECT_EQ(said.at("facts"), 1);
  EXPECT_EQ(said.at("clean"), 1);
  EXPECT_EQ(judge_text("greyish; two dogs", expected).at("facts"), 0);
  EXPECT_EQ(judge_text("A dog, a grey one", expected).at("clean"), 0);
  EXPECT_EQ(judge_text("A dog, a grey one", expected).at("facts"), 0.5);
}

TEST(Rules, WhatIsNotExpectedHasNoFigure) {
  Figures said = judge_text("x", {});
  for (const char* name : {"facts", "clean", "overlap", "tests", "number"})
    EXPECT_FALSE(said.contains(name)) << name;
  add_score(said);
  EXPECT_FALSE(said.contains("score"));
}

TEST(Rules, TheScoreIsTheMeanOfTheRulesThereAre) {
  Figures figures{{"facts", 0.5}, {"clean", 1}, {"words", 100}};
  add_score(figures);
  EXPECT_EQ(figures.at("score"), 0.75);
}

TEST(Rules, NumbersInOtherWords) {
  Figures figures;
  judge_numbers(std::vector<std::string>{"12", "so: 12.", "12.0"}, 12, figures);
  EXPECT_EQ(figures.at("number"), 1);
  EXPECT_EQ(figures.at("stable"), 1);
  judge_numbers(std::vector<std::string>{"13", "13"}, 12, figures);
  EXPECT_EQ(figures.at("number"), 0);
  EXPECT_EQ(figures.at("stable"), 1) << "wrong, but the same";
  judge_numbers(std::vector<std::string>{"12", "I cannot say"}, 12, figures);
  EXPECT_EQ(figures.at("number"), 0.5);
  EXPECT_EQ(figures.at("stable"), 0);
}

TEST(Rules, LinesOfCodeAreCountedInBlocksAlone) {
  const Figures said = judge_text("So:\n```py\na\n\nb\n```\nDone.", {});
  EXPECT_EQ(said.at("code_lines"), 2);
  EXPECT_EQ(said.at("lines"), 6);
}

}  // namespace
}  // namespace dsa::compare
