// Questions of several hops over a corpus that can only be searched.
#include <fmt/format.h>

#include "rl/tasks/fact_corpus.h"
#include "rl/tasks/makers.h"
#include "rl/tasks/notes.h"
#include "rl/tasks/puzzle.h"
#include "rl/tasks/tool_episode.h"

namespace dsa::rl {
namespace {

constexpr std::array<std::string_view, 1> kSearchVerbs{"search"};

struct Hops {
  FactCorpus corpus;
  std::string prompt;
  std::string first;              // what the prompt's notes say of whom it begins with; "": nothing
  std::vector<CorpusFact> facts;  // that lead to the answer, in order
};

class SearchEpisode final : public ToolEpisode {
 public:
  SearchEpisode(const Hops& hops, int turns) : ToolEpisode(kSearchVerbs, turns), hops_(hops) {}

 protected:
  std::string call(const Action& action) override { return hops_.corpus.search(action.argument); }
  [[nodiscard]] Score judge(std::string_view answer) const override {
    if (answer != hops_.facts.back().object) return {.value = 0, .reason = "wrong answer"};
    return {.value = 1, .reason = "right"};
  }

 private:
  const Hops& hops_;
};

class SearchTask final : public Task {
 public:
  SearchTask(const TaskId& id, Hops hops) : Task(id, hops.prompt), hops_(std::move(hops)) {}

  [[nodiscard]] int turns() const override { return 2 * static_cast<int>(hops_.facts.size()) + 2; }
  [[nodiscard]] std::unique_ptr<Episode> begin() const override {
    return std::make_unique<SearchEpisode>(hops_, turns());
  }
  [[nodiscard]] std::vector<std::string> solution(Style style) const override {
    std::vector<std::string> messages;
    std::string thought = hops_.first;
    const auto say = [&](std::string_view action) {
      messages.push_back(style == Style::steps && !thought.empty() ? thought + "\n" : "");
      messages.back() += action;
    };
    for (const auto& fact : hops_.facts) {
      say(fmt::format("search: {} of {}", fact.relation, fact.subject));
      thought = fact_text(fact);
    }
    say(with_answer("", hops_.facts.back().object));
    return messages;
  }

 private:
  Hops hops_;
};

}  // namespace

std::unique_ptr<const Task> make_search(const TaskId& id) {
  Draws draws = draws_of(id, 5);
  Hops hops{.corpus = FactCorpus(4 + 2 * id.difficulty, draws), .prompt = {}, .first = {}, .facts = {}};
  const std::string start = draws.one_of(hops.corpus.people());
  std::string asked = start;
  std::string_view person = start;
  const int between = id.difficulty / 3;
  std::string chain;
  for (int hop = 0; hop <= between; ++hop) {
    const auto relation = hop < between ? draws.one_of(kPersonRelations) : draws.one_of(kThingRelations);
    hops.facts.push_back(hops.corpus.find(relation, person));
    person = hops.facts.back().object;
    chain = fmt::format("{} of {}", relation, chain);
  }
  if (id.context > 0) {
    // Whom it is about stands under a name among others.
    Names names;
    asked = names.fresh('k', draws);
    hops.first = fmt::format("{} is {}", asked, start);
    hops.prompt = notes_of(
        {hops.first}, id.context,
        [&] {
          const std::string other = names.fresh('k', draws);
          return fmt::format("{} is {}", other, draws.one_of(kPeople));
        },
        draws);
  }
  hops.prompt += fmt::format("what is the {}{}?", chain, asked);
  return std::make_unique<SearchTask>(id, std::move(hops));
}

}  // namespace dsa::rl
