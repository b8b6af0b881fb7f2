#include <gtest/gtest.h>

#include <algorithm>

#include "rl/tasks/fact_corpus.h"
#include "rl/tasks/makers.h"

namespace dsa::rl {
namespace {

TEST(FactCorpus, FindsWhatIsAskedForAmongOthers) {
  Draws draws(1, 2);
  const FactCorpus corpus(20, draws);
  for (const auto& person : corpus.people())
    for (const auto relation : {"boss", "friend", "teacher", "town", "job", "pet"}) {
      const std::string text = fact_text(corpus.find(relation, person));
      EXPECT_NE(corpus.search(std::string(relation) + " of " + person).find(text), std::string::npos) << text;
    }
}

TEST(FactCorpus, NeverTellsMoreThanThreeFacts) {
  Draws draws(1, 3);
  const FactCorpus corpus(30, draws);
  const auto lines = [&](const std::string& query) {
    const std::string found = corpus.search(query);
    return found == "nothing found" ? 0 : 1 + std::ranges::count(found, '\n');
  };
  EXPECT_EQ(lines("boss"), 3);
  std::string everything;
  for (const auto& person : corpus.people()) everything += person + " ";
  for (const auto relation : kThingRelations) everything += std::string(relation) + " ";
  EXPECT_EQ(lines(everything), 3);
  for (const auto* query : {"", " ", "the of is", "nobody", "\xff\xfe", "BOSS", "the", "of "})
    EXPECT_EQ(lines(query), 0) << query;
}

TEST(Search, TheAnswerIsWhatTheFactsLeadTo) {
  const auto task = make_search({.number = 3, .difficulty = 7});
  const auto solution = task->solution(Style::brief);
  ASSERT_EQ(solution.size(), 4U) << "three hops and an answer";
  const Transcript played = play(*task, solution);
  EXPECT_NE(played.replies.back().find(" is " + solution.back().substr(8)), std::string::npos);
}

TEST(Search, WhoOnlySearchesGetsNothing) {
  const auto task = make_search({.number = 1, .difficulty = 2});
  const std::vector<std::string> searches(100, "search: town");
  const Transcript played = play(*task, searches);
  EXPECT_EQ(static_cast<int>(played.messages.size()), task->turns());
  EXPECT_EQ(played.score.value, 0);
  EXPECT_EQ(played.score.reason, "too many turns");
}

TEST(Search, ListsAndWholeFactsAreWrong) {
  const auto task = make_search({.number = 1});
  auto messages = task->solution(Style::brief);
  const std::string right = messages.back();
  for (const auto* ending : {" Istra", " and others", ".", ", baker"}) {
    messages.back() = right + ending;
    EXPECT_EQ(play(*task, messages).score.reason, "wrong answer") << ending;
  }
  messages.back() = "search: pet\n" + right;
  EXPECT_EQ(play(*task, messages).score.value, 1) << "only the last line acts";
  messages.back() = right + "\nsearch: pet";
  EXPECT_EQ(play(*task, messages).score.reason, "an answer and a call");
}

}  // namespace
}  // namespace dsa::rl
