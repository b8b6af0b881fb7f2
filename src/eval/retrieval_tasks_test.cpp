#include "eval/retrieval_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "eval/retrieval_words.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

std::int64_t occurrences(const std::string& text, std::string_view part) {
  std::int64_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string text_of(const RetrievalSample& sample) {
  const auto begin = sample.question.find("\n\n") + 2;
  return sample.question.substr(begin, sample.question.rfind("\n\n") - begin);
}

TEST(RetrievalTasks, AreTheSameForTheSameNumberAndOthersForAnother) {
  for (const auto task : kRetrievalTasks) {
    const auto sample = make_sample(task, 7, 3, 50), again = make_sample(task, 7, 3, 50);
    EXPECT_EQ(sample.question, again.question);
    EXPECT_EQ(sample.answer, again.answer);
    EXPECT_NE(sample.answer, make_sample(task, 7, 4, 50).answer);
    EXPECT_NE(sample.answer, make_sample(task, 8, 3, 50).answer);
  }
}

TEST(RetrievalTasks, TheRightAnswerIsRightAndAnOtherOneIsNot) {
  for (const auto task : kRetrievalTasks)
    for (std::int64_t number = 0; number < 20; ++number) {
      const auto sample = make_sample(task, 1, number, 30);
      EXPECT_TRUE(answers(sample, sample.answer));
      EXPECT_FALSE(answers(sample, ""));
      EXPECT_FALSE(answers(sample, make_sample(task, 2, number, 30).answer));
      EXPECT_EQ(sample.answer.front(), ' ');
      // What is asked for is in the text, and not given away after it.
      for (const auto& reference : sample.references) {
        EXPECT_NE(text_of(sample).find(reference), std::string::npos);
        EXPECT_EQ(sample.question.substr(sample.question.rfind("\n\n")).find(reference), std::string::npos);
        EXPECT_EQ(sample.answer_begins.find(reference), std::string::npos);
      }
    }
}

TEST(RetrievalTasks, MatchingIgnoresCaseAndWantsEveryReference) {
  const RetrievalSample sample{
      .question = "", .answer_begins = "", .answer = "", .references = {"ABCDE", "fghij"}};
  EXPECT_TRUE(answers(sample, "They are abcde and FGHIJ."));
  EXPECT_FALSE(answers(sample, "abcde"));
}

TEST(RetrievalTasks, OneLineIsAskedForAmongFillingOrAmongOthers) {
  const auto one = make_sample(RetrievalTask::single, 0, 0, 40);
  EXPECT_EQ(occurrences(text_of(one), "The number of the "), 1);
  EXPECT_EQ(occurrences(text_of(one), "The road goes up the hill."), 40);
  const auto many = make_sample(RetrievalTask::multi_key, 0, 0, 200);
  EXPECT_EQ(occurrences(text_of(many), "The number of the "), 200);
  // Every name occurs once.
  std::set<std::string> names;
  std::istringstream lines(text_of(many));
  for (std::string line; std::getline(lines, line);) names.insert(line.substr(0, line.find(" is ")));
  EXPECT_EQ(names.size(), 200U);
}

TEST(RetrievalTasks, AVariableIsCopiedAfterItIsSet) {
  std::set<bool> other_first;
  for (std::int64_t number = 0; number < 20; ++number) {
    const auto sample = make_sample(RetrievalTask::variables, 3, number, 20);
    const std::string text = text_of(sample);
    const auto &first = sample.references.at(0), &second = sample.references.at(1);
    const auto set = text.find("VAR " + first + " = "),
               copied = text.find("VAR " + second + " = VAR " + first);
    ASSERT_NE(set, std::string::npos);
    ASSERT_NE(copied, std::string::npos);
    EXPECT_LT(set, copied);
    EXPECT_EQ(occurrences(text, " = VAR "), 2);
    other_first.insert(text.find("VAR ") != set);
  }
  EXPECT_EQ(other_first.size(), 2U) << "the other chain stands always on the same side";
}

TEST(RetrievalTasks, TheThreeMostFrequentWordsAreThat) {
  for (const std::int64_t units : {1, 20, 54, 100, 1000}) {
    const auto sample = make_sample(RetrievalTask::words, 0, units, units);
    std::map<std::string, int> counts;
    std::istringstream words(text_of(sample));
    for (std::string word; words >> word;) ++counts[word];
    std::vector<std::pair<int, std::string>> order;
    for (const auto& [word, count] : counts) order.emplace_back(-count, word);
    std::ranges::sort(order);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(order[i].second, sample.references[i]) << units;
      EXPECT_LT(order[i].first, order[i + 1].first) << units;
    }
  }
}

TEST(RetrievalTasks, FitAsLongAsTheyMayBe) {
  const auto count = [](const RetrievalSample& s) { return static_cast<std::int64_t>(s.question.size()); };
  for (const auto task : kRetrievalTasks) {
    const auto sample = fit_sample(task, 0, 0, 5000, count);
    EXPECT_LE(count(sample), 5000);
    EXPECT_GT(count(sample), 4800);
    expect_error([&] { (void)fit_sample(task, 0, 0, 20, count); },
                 {"20", std::string(name(task)).c_str(), "`lengths`"});
  }
}

TEST(RetrievalWords, AreDifferentAndNotEmpty) {
  const std::set<std::string_view> adjectives(kAdjectives.begin(), kAdjectives.end());
  const std::set<std::string_view> nouns(kNouns.begin(), kNouns.end());
  EXPECT_EQ(adjectives.size(), kAdjectives.size());
  EXPECT_EQ(nouns.size(), kNouns.size());
  EXPECT_FALSE(adjectives.contains("") || nouns.contains(""));
}

}  // namespace
}  // namespace dsa
