#include "rl/tasks/fact_corpus.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "rl/tasks/puzzle.h"

namespace dsa::rl {
namespace {

constexpr std::array<std::string_view, 16> kTowns{
    "Alberg", "Breton",  "Corvik",  "Drumora", "Elstad",  "Falham", "Grimark", "Holby",
    "Istra",  "Kardorf", "Lunzell", "Marsund", "Norwick", "Osgrad", "Pelnik",  "Risford"};
constexpr std::array<std::string_view, 16> kJobs{"baker",  "barber", "brewer",  "carver", "cook",   "doctor",
                                                 "driver", "farmer", "guard",   "hunter", "lawyer", "mason",
                                                 "miller", "nurse",  "painter", "tailor"};
constexpr std::array<std::string_view, 16> kPets{"badger", "camel", "cat",   "dog",    "duck",  "ferret",
                                                 "goat",   "hare",  "horse", "lizard", "mouse", "otter",
                                                 "parrot", "pony",  "snake", "toad"};
constexpr std::size_t kQueryWords = 8, kFound = 3;

std::vector<std::string_view> words_of(std::string_view text, std::size_t most) {
  std::vector<std::string_view> words;
  while (words.size() < most) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) break;
    text.remove_prefix(first);
    const auto length = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return words;
}

bool says_much(std::string_view word) { return word != "the" && word != "of" && word != "is"; }

}  // namespace

std::string fact_text(const CorpusFact& fact) {
  return fmt::format("the {} of {} is {}", fact.relation, fact.subject, fact.object);
}

FactCorpus::FactCorpus(int people, Draws& draws) : people_(some_people(people, draws)) {
  const auto add = [&](std::string_view relation, const std::string& subject, std::string_view object) {
    facts_.push_back({.relation = std::string(relation), .subject = subject, .object = std::string(object)});
  };
  for (const auto& person : people_) {
    for (const auto relation : kPersonRelations) {
      std::string other;
      do other = draws.one_of(people_);
      while (other == person);
      add(relation, person, other);
    }
    add(kThingRelations[0], person, draws.one_of(kTowns));
    add(kThingRelations[1], person, draws.one_of(kJobs));
    add(kThingRelations[2], person, draws.one_of(kPets));
  }
  draws.shuffle(facts_);
}

const CorpusFact& FactCorpus::find(std::string_view relation, std::string_view subject) const {
  const auto found = std::ranges::find_if(
      facts_, [&](const CorpusFact& fact) { return fact.relation == relation && fact.subject == subject; });
  DSA_CHECK(found != facts_.end());
  return *found;
}

std::string FactCorpus::search(std::string_view query) const {
  struct Hit {
    std::size_t fact, words;
  };
  std::vector<Hit> hits;
  const auto asked = words_of(query, kQueryWords);
  for (std::size_t i = 0; i < facts_.size(); ++i) {
    const std::string text = fact_text(facts_[i]);
    const auto said = words_of(text, std::string::npos);
    std::size_t words = 0;
    for (const auto word : said)
      if (says_much(word) && std::ranges::find(asked, word) != asked.end()) ++words;
    if (words == 0) continue;
    if (text.find(query) != std::string::npos) words += kQueryWords;
    hits.push_back({.fact = i, .words = words});
  }
  std::ranges::stable_sort(hits, std::greater{}, &Hit::words);
  if (hits.size() > kFound) hits.resize(kFound);
  std::ranges::sort(hits, {}, &Hit::fact);
  std::string text;
  for (const auto& hit : hits) text += fact_text(facts_[hit.fact]) + "\n";
  if (text.empty()) return "nothing found";
  text.pop_back();
  return text;
}

}  // namespace dsa::rl
