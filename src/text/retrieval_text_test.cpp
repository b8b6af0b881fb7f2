#include "text/retrieval_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "testing/retrieval_text_case.h"
#include "text/fact_words.h"

namespace dsa {
namespace {

using test::quick_count;
using test::retrieval_text;

std::string planted(const RetrievalText& text, const Asked& asked) {
  return text.text.substr(asked.planted, asked.planted_bytes);
}

TEST(RetrievalText, IsTheSameForTheSameNumberAndAnotherForAnother) {
  EXPECT_EQ(retrieval_text(3, 5).text, retrieval_text(3, 5).text);
  EXPECT_NE(retrieval_text(3, 5).text, retrieval_text(3, 6).text);
  EXPECT_NE(retrieval_text(3, 5).text, retrieval_text(4, 5).text);
}

TEST(RetrievalText, IsAsLongAsAskedForAndLittleLonger) {
  for (const std::int64_t tokens :
       {kShortestText, std::int64_t{2048}, std::int64_t{8192}, std::int64_t{32768}})
    for (std::int64_t number = 0; number < 10; ++number) {
      const auto text = retrieval_text(0, number, tokens);
      EXPECT_GE(quick_count(text.text), tokens);
      EXPECT_LT(quick_count(text.text), tokens + 1200);
      EXPECT_FALSE(text.asked.empty());
    }
}

// The answer stands in the text before, on the line of what it is asked by.
TEST(RetrievalText, EveryAnswerIsGivenBeforeItIsAskedFor) {
  for (std::int64_t number = 0; number < 40; ++number) {
    const auto text = retrieval_text(1, number);
    for (const auto& a : text.asked) {
      EXPECT_LT(a.planted + a.planted_bytes, a.asked);
      EXPECT_LT(a.asked, a.answer);
      EXPECT_EQ(text.text.substr(a.answer, a.question.answer.size()), a.question.answer);
      EXPECT_NE(text.text.substr(a.asked, a.answer - a.asked).find(a.question.text), std::string::npos);
      const std::string fact = planted(text, a);
      if (a.kind == FactKind::tally) {
        int times = 0;
        std::istringstream words(fact.substr(fact.find(':')));
        for (std::string word; words >> word;) times += word.starts_with(a.question.key) ? 1 : 0;
        EXPECT_EQ(a.question.answer, std::to_string(times) + " times") << fact;
        continue;
      }
      bool found = false;
      std::istringstream lines(fact);
      for (std::string line; std::getline(lines, line);)
        found = found || (line.find(a.question.key) != std::string::npos &&
                          line.find(a.question.answer) != std::string::npos);
      EXPECT_TRUE(found) << a.question.text << " " << a.question.answer << " in\n" << fact;
    }
  }
}

// What a question is asked by names one line of one fact.
TEST(RetrievalText, NoQuestionHasTwoAnswers) {
  for (std::int64_t number = 0; number < 20; ++number) {
    const auto text = retrieval_text(2, number, 32768);
    std::map<std::string, std::string> answers;
    for (const auto& a : text.asked)
      EXPECT_TRUE(answers.emplace(a.question.text, a.question.answer).second) << a.question.text;
  }
}

TEST(RetrievalText, AsksInManyPlacesAboutNearAndFar) {
  std::int64_t questions = 0, far = 0, very_far = 0, near = 0, late = 0;
  std::map<FactKind, std::int64_t> kinds;
  for (std::int64_t number = 0; number < 20; ++number) {
    const auto text = retrieval_text(0, number);
    EXPECT_GT(text.asked.size(), 25U);
    questions += static_cast<std::int64_t>(text.asked.size());
    for (const auto& a : text.asked) {
      const std::int64_t tokens = quick_count(text.text.substr(a.planted, a.asked - a.planted));
      EXPECT_GE(tokens, 8192 / 32 - 50) << "what is asked at once is no retrieval";
      near += tokens < 1024 ? 1 : 0;
      far += tokens > 2048 ? 1 : 0;
      very_far += tokens > 6144 ? 1 : 0;
      late += static_cast<double>(a.asked) > 0.5 * static_cast<double>(text.text.size()) ? 1 : 0;
      ++kinds[a.kind];
    }
  }
  EXPECT_GT(near, questions / 5);
  EXPECT_GT(far, questions / 5);
  EXPECT_GT(very_far, 20);
  EXPECT_GT(late, questions / 2);
  EXPECT_LT(late, questions);
  EXPECT_EQ(kinds.size(), kFactKinds.size());
}

// The most characters from `first` to `last` beside each other.
int longest_run(std::string_view text, char first, char last) {
  int longest = 0, run = 0;
  for (const char c : text) longest = std::max(longest, run = c >= first && c <= last ? run + 1 : 0);
  return longest;
}

TEST(RetrievalText, HasNoNumbersOfTheEvaluationsLengths) {
  for (std::int64_t number = 0; number < 20; ++number) {
    const auto text = retrieval_text(0, number);
    EXPECT_LT(longest_run(text.text, '0', '9'), 5);
    EXPECT_LT(longest_run(text.text, 'A', 'Z'), 5);  // the names of its variables
    EXPECT_EQ(text.text.find("VAR "), std::string::npos);
  }
}

TEST(FactWords, AreDifferentAndNotEmpty) {
  const auto expect_different = [](const auto& list) {
    const std::set<std::string_view> words(list.begin(), list.end());
    EXPECT_EQ(words.size(), list.size());
    EXPECT_FALSE(words.contains(""));
  };
  expect_different(kFirstNames);
  expect_different(kSurnames);
  expect_different(kPlaceBegins);
  expect_different(kPlaceMiddles);
  expect_different(kPlaceEnds);
  expect_different(kGoods);
  expect_different(kAnimals);
  expect_different(kInstruments);
  expect_different(kWishes);
  expect_different(kSettingHeads);
  expect_different(kSettingTails);
  expect_different(kMonths);
}

}  // namespace
}  // namespace dsa
