#include "rl/rewards/language.h"

#include <gtest/gtest.h>

#include <set>

#include "base/draws.h"
#include "base/error.h"
#include "rl/rewards/language_words.h"
#include "rl/tasks/domain.h"

namespace dsa::rl {
namespace {

TEST(LanguageShare, CountsWordsByListAndScript) {
  EXPECT_EQ(language_share("write 5 and carry 1", Language::english), 1);
  EXPECT_EQ(language_share("write 5 und merke 1", Language::english), 1.0 / 3);
  EXPECT_EQ(language_share("write 5 und merke 1", Language::german), 2.0 / 3);
  EXPECT_EQ(language_share("Mira lives in Velmora", Language::english), 1) << "names are of no language";
  EXPECT_EQ(language_share("پنج را بنویس", Language::persian), 1);
  EXPECT_EQ(language_share("پنج را write", Language::persian), 2.0 / 3);
  EXPECT_EQ(language_share("پنج write", Language::english), 0.5);
  EXPECT_EQ(language_share("写 и so", Language::english), 1.0) << "one letter is no word";
  EXPECT_EQ(language_share("да so", Language::english), 0.5);
  EXPECT_EQ(language_share("w12 und7 a_1", Language::english), 1)
      << "a name of letters and digits is no word";
}

TEST(LanguageShare, OfNoWordsIsOneAndOfNothingZero) {
  EXPECT_EQ(language_share("7 + 8 = 15", Language::german), 1);
  EXPECT_EQ(language_share("", Language::english), 0);
  EXPECT_EQ(language_share(" \n", Language::english), 0);
}

TEST(LanguageShare, LeavesOutWhatAMessageMustSay) {
  EXPECT_EQ(language_share("dann\nanswer: knight\nsearch: the other\n", Language::german), 1);
  EXPECT_EQ(language_share("dann\nthe answer: knight", Language::german), 0.5);
}

TEST(LanguageShare, TakesAnyBytes) {
  Draws draws(3, 4);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::int64_t length = draws.below(40); length > 0; --length)
      text += static_cast<char>(draws.below(256));
    for (const Language language : {Language::english, Language::german, Language::persian}) {
      const double share = language_share(text, language);
      EXPECT_TRUE(share >= 0 && share <= 1);
    }
    static_cast<void>(mixed_languages(text, 0.5, 1));
  }
}

TEST(LanguageWords, AreOfOneLanguageEach) {
  std::set<std::string_view> seen;
  for (const auto& [english, german] : kWordPairs) {
    EXPECT_TRUE(seen.insert(english).second) << english;
    EXPECT_TRUE(seen.insert(german).second) << german;
    EXPECT_EQ(language_share(english, Language::english), 1);
    EXPECT_EQ(language_share(german, Language::english), 0) << german;
  }
}

TEST(MixedLanguages, PutSomeWordsIntoGerman) {
  const std::string text = "take 3 and 4\nso the sum is 7\nanswer: the and\n";
  EXPECT_EQ(mixed_languages(text, 0, 1), text);
  EXPECT_EQ(mixed_languages(text, 1, 1), "nimm 3 und 4\ndaher die summe ist 7\nanswer: the and\n");
  const std::string half = mixed_languages(text, 0.5, 1);
  EXPECT_EQ(half, mixed_languages(text, 0.5, 1));
  EXPECT_NE(half, mixed_languages(text, 0.5, 2));
  const double share = language_share(half, Language::english);
  EXPECT_TRUE(share > 0 && share < 1) << half;
}

TEST(MixedLanguages, LeaveSolutionsRight) {
  for (const auto* domain : {"logic", "coding", "search"}) {
    double shares = 0;
    for (std::int64_t number = 0; number < 20; ++number) {
      const auto task = make_task(find_domain(domain), {.number = number, .difficulty = 4});
      auto messages = task->solution(Style::steps);
      std::string all;
      for (auto& message : messages) all += (message = mixed_languages(message, 0.5, 1)) + "\n";
      EXPECT_EQ(play(*task, messages).score.value, 1);
      shares += language_share(all, Language::english) / 20;
    }
    EXPECT_GT(shares, 0.2) << domain;
    EXPECT_LT(shares, 0.9) << domain << ": nothing to unlearn";
  }
}

TEST(Languages, AreFoundByName) {
  for (const Language language : {Language::english, Language::german, Language::persian})
    EXPECT_EQ(language_named(name(language)), language);
  EXPECT_THROW(static_cast<void>(language_named("latin")), Error);
}

}  // namespace
}  // namespace dsa::rl
