// What is trained must not be what is measured: words and wording of text/ are none of the evaluation's.
#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "eval/retrieval_tasks.h"
#include "eval/retrieval_words.h"
#include "testing/retrieval_text_case.h"
#include "text/fact_words.h"

namespace dsa {
namespace {

using test::retrieval_text;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// Every four words in a row, but for the filling's.
std::set<std::string> phrases(std::string_view text) {
  const auto words = words_of(text);
  std::set<std::string> out;
  for (std::size_t i = 0; i + 4 <= words.size(); ++i)
    out.insert(words[i] + " " + words[i + 1] + " " + words[i + 2] + " " + words[i + 3]);
  return out;
}

TEST(TrainedText, SharesNoWordListWithTheEvaluation) {
  std::set<std::string> evaluated;
  for (const auto word : kAdjectives) evaluated.emplace(word);
  for (const auto word : kNouns) evaluated.emplace(word);
  const auto expect_none = [&](const auto& list) {
    for (const std::string_view words : list)
      for (const auto& word : words_of(words)) EXPECT_FALSE(evaluated.contains(word)) << word;
  };
  expect_none(kFirstNames);
  expect_none(kSurnames);
  expect_none(kGoods);
  expect_none(kAnimals);
  expect_none(kInstruments);
  expect_none(kWishes);
  expect_none(kSettingHeads);
  expect_none(kSettingTails);
  expect_none(kMonths);
  // Made-up places, templates and all.
  for (std::int64_t number = 0; number < 40; ++number)
    for (const auto& word : words_of(retrieval_text(0, number).text))
      EXPECT_FALSE(evaluated.contains(word)) << word;
}

TEST(TrainedText, SharesNoSentenceWithTheEvaluation) {
  std::set<std::string> evaluated;
  for (const auto task : kRetrievalTasks)
    for (std::int64_t number = 0; number < 10; ++number) {
      const auto sample = make_sample(task, 0, number, 4);
      evaluated.merge(phrases(sample.question));
      evaluated.merge(phrases(sample.answer_begins + sample.answer));
    }
  ASSERT_TRUE(evaluated.contains("what is the number"));
  ASSERT_TRUE(evaluated.contains("the road goes up"));
  for (std::int64_t number = 0; number < 40; ++number)
    for (const auto& phrase : phrases(retrieval_text(0, number).text))
      EXPECT_FALSE(evaluated.contains(phrase)) << phrase;
}

}  // namespace
}  // namespace dsa
