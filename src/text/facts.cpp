#include "text/facts.h"

#include <fmt/format.h>

#include <initializer_list>
#include <numeric>

#include "base/error.h"
#include "text/fact_words.h"

namespace dsa {
namespace {

constexpr std::size_t kCast = 4;  // people who come up again and again at a time

template <std::size_t N>
std::string word(Draws& draws, const std::array<std::string_view, N>& words) {
  return std::string(draws.one_of(words));
}

// `count` different ones.
template <std::size_t N>
std::vector<std::string> words(Draws& draws, const std::array<std::string_view, N>& from,
                               std::int64_t count) {
  std::vector<std::string> all(from.begin(), from.end());
  draws.shuffle(all);
  all.resize(static_cast<std::size_t>(count));
  return all;
}

// Unlike operands and arguments, whose order is the compiler's, a list's members are drawn as they stand.
std::string in_order(std::initializer_list<std::string> parts) {
  std::string out;
  for (const auto& part : parts) out += part;
  return out;
}

std::string digit(Draws& draws) { return std::to_string(draws.below(10)); }

// In [least, most].
std::int64_t between(Draws& draws, std::int64_t least, std::int64_t most) {
  return least + draws.below(most - least + 1);
}

}  // namespace

// The pools are many times larger than what the longest document takes (retrieval_text.h).
template <class Make>
std::string FactMaker::fresh(Make&& make) {
  for (;;)
    if (std::string name = make(); used_.insert(name).second) return name;
}

std::string FactMaker::person() {
  return fresh([&] { return in_order({word(draws_, kFirstNames), " ", word(draws_, kSurnames)}); });
}
std::string FactMaker::place() {
  return fresh([&] {
    return in_order({word(draws_, kPlaceBegins), word(draws_, kPlaceMiddles), word(draws_, kPlaceEnds)});
  });
}
std::string FactMaker::code() {
  return fresh([&] {
    return in_order({draws_.letters(1, 'A'), draws_.number(1), "-", draws_.letters(2, 'A')});
  });
}
std::string FactMaker::setting() {
  return fresh([&] {
    const auto heads = words(draws_, kSettingHeads, 2);
    return fmt::format("{}_{}_{}", heads[0], heads[1], word(draws_, kSettingTails));
  });
}
std::string FactMaker::time() {
  const std::int64_t hour = between(draws_, 5, 22);
  return fmt::format("{:02}:{:02}", hour, 5 * draws_.below(12));
}
// "41.80", and weights as "41.8".
std::string FactMaker::tenths() { return in_order({draws_.number(2), ".", digit(draws_)}); }
std::string FactMaker::price() { return tenths() + "0"; }
std::string FactMaker::date() {
  const std::int64_t day = between(draws_, 1, 28);
  return fmt::format("{} {}", day, word(draws_, kMonths));
}

Fact FactMaker::records() {
  Fact fact{
      .kind = FactKind::records, .text = fmt::format("Stores at {}, by crate:\n", place()), .questions = {}};
  const std::int64_t count = between(draws_, 3, 7);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string crate = "crate " + code(), goods = word(draws_, kGoods), checker = person();
    const std::string weight = tenths() + " kg";
    fact.text += fmt::format("- {}: {}, {}, checked by {}\n", crate, goods, weight, checker);
    fact.questions.push_back({crate, fmt::format("What is kept in {}?", crate), goods});
    fact.questions.push_back({crate, fmt::format("How heavy is {}?", crate), weight});
    fact.questions.push_back({crate, fmt::format("Who checked {}?", crate), checker});
  }
  return fact;
}

Fact FactMaker::saying() {
  struct Claim {
    const char* begin;
    const char* end;
    const char* question;
  };
  static constexpr std::array<Claim, 5> kClaims{{
      {"the ferry to", "leaves at", "When does the ferry to {} leave?"},
      {"the bakery in", "opens at", "When does the bakery in {} open?"},
      {"the market of", "closes at", "When does the market of {} close?"},
      {"a single room in", "costs", "What does a single room in {} cost?"},
      {"the toll at", "has risen to", "To what has the toll at {} risen?"},
  }};
  const auto which = static_cast<std::size_t>(draws_.below(static_cast<std::int64_t>(kClaims.size())));
  const Claim& claim = kClaims[which];
  const std::string where = place(), who = person();
  const std::string value = which < 3 ? time() : price() + " florins";
  const std::string said = fmt::format("{} {} {} {}", claim.begin, where, claim.end, value);
  const std::array<std::string, 3> forms{fmt::format("According to {}, {}.", who, said),
                                         fmt::format("{} told everybody that {}.", who, said),
                                         fmt::format("One letter, by {}, says that {}.", who, said)};
  return {.kind = FactKind::saying,
          .text = draws_.one_of(forms),
          .questions = {{where, fmt::format("Who says that {}?", said), who},
                        {where, fmt::format(fmt::runtime(claim.question), where), value}}};
}

Fact FactMaker::meeting() {
  const std::string where = place();
  Fact fact{.kind = FactKind::meeting,
            .text = fmt::format("Minutes of the council of {}, wishes:\n", where),
            .questions = {}};
  for (const auto& wish : words(draws_, kWishes, between(draws_, 3, 6))) {
    const std::string who = person();
    fact.text += fmt::format("{}: {}\n", who, wish);
    fact.questions.push_back({wish, fmt::format("Who asked the council of {} for {}?", where, wish), who});
    fact.questions.push_back({who, fmt::format("What did {} ask the council of {} for?", who, where), wish});
  }
  return fact;
}

Fact FactMaker::settings() {
  struct Language {
    const char* title;
    const char* line;
  };
  static constexpr std::array<Language, 3> kLanguages{
      {{"# settings for {}\n", "{} = {}\n"},
       {"// Constants, {} build.\n", "constexpr auto {} = {};\n"},
       {"[{}]\n", "{}: {}\n"}}};
  const Language& language = draws_.one_of(kLanguages);
  Fact fact{.kind = FactKind::settings,
            .text = fmt::format(fmt::runtime(language.title), place()),
            .questions = {}};
  const std::int64_t count = between(draws_, 3, 8);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string name = setting();
    const std::string value = draws_.below(2) == 0 ? draws_.number(3) : "0." + draws_.number(3);
    fact.text += fmt::format(fmt::runtime(language.line), name, value);
    fact.questions.push_back({name, name, value});
  }
  return fact;
}

Fact FactMaker::table() {
  const std::string line = place();
  Fact fact{
      .kind = FactKind::table,
      .text = fmt::format("Trains from {}:\n\n| to | platform | leaves | fare |\n|---|---|---|---|\n", line),
      .questions = {}};
  const std::int64_t count = between(draws_, 4, 8);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string to = place(), leaves = time(), fare = price();
    const std::string platform = in_order({std::to_string(between(draws_, 1, 24)), draws_.letters(1, 'a')});
    fact.text += fmt::format("| {} | {} | {} | {} |\n", to, platform, leaves, fare);
    const auto ask = [&](const char* what, const std::string& answer) {
      fact.questions.push_back({to, fmt::format("{} the train from {} to {}?", what, line, to), answer});
    };
    ask("Which platform is announced for", platform);
    ask("What departure time is listed for", leaves);
    ask("What fare is charged on", fare);
  }
  return fact;
}

Fact FactMaker::life() {
  enum Told : std::uint8_t { born, plays, trades, tame, rises, locker, kTold };
  if (cast_.size() < kCast) {
    cast_.push_back({.name = person(), .untold = std::vector<std::size_t>(kTold)});
    std::iota(cast_.back().untold.begin(), cast_.back().untold.end(), std::size_t{0});
    draws_.shuffle(cast_.back().untold);
  }
  const auto chosen = cast_.begin() + draws_.below(static_cast<std::int64_t>(cast_.size()));
  const std::string name = chosen->name;
  const std::size_t told = chosen->untold.back();
  chosen->untold.pop_back();
  if (chosen->untold.empty()) cast_.erase(chosen);
  const auto fact = [&](const char* sentence, const char* question, const std::string& answer) {
    return Fact{.kind = FactKind::life,
                .text = fmt::format(fmt::runtime(sentence), name, answer),
                .questions = {{name, fmt::format(fmt::runtime(question), name), answer}}};
  };
  switch (told) {
    case born:
      return fact("{} was born in {}.", "Where was {} born?", place());
    case plays:
      return fact("On Sundays {} plays the {}.", "Which instrument does {} play?",
                  word(draws_, kInstruments));
    case trades:
      return fact("{} made a living by selling {}.", "What did {} sell?", word(draws_, kGoods));
    case tame:
      return fact("{} has raised a tame {}.", "Which animal has {} raised?", word(draws_, kAnimals));
    case rises:
      return fact("{} gets up at {} every day.", "When does {} get up?", time());
    case locker:
      return fact("{} was given locker {}.", "Which locker was given to {}?", code());
    default:
      DSA_CHECK(false);
  }
  return {};
}

Fact FactMaker::tally() {
  const std::string where = place();
  Fact fact{.kind = FactKind::tally, .text = {}, .questions = {}};
  std::vector<std::string> seen;
  for (const auto& animal : words(draws_, kAnimals, between(draws_, 3, 5))) {
    const std::int64_t times = between(draws_, 2, 7);
    seen.insert(seen.end(), static_cast<std::size_t>(times), animal);
    fact.questions.push_back({animal, fmt::format("How many times was a {} noted at {}?", animal, where),
                              fmt::format("{} times", times)});
  }
  draws_.shuffle(seen);
  fact.text = fmt::format("Animals noted at {}: {}.\n", where, fmt::join(seen, ", "));
  return fact;
}

Fact FactMaker::twins() {
  const std::string series = code();
  Fact fact{
      .kind = FactKind::twins, .text = fmt::format("Permits of the series {}:\n", series), .questions = {}};
  const std::int64_t count = between(draws_, 8, 16);
  std::set<std::string> endings;
  while (static_cast<std::int64_t>(endings.size()) < count) endings.insert(draws_.letters(2, 'A'));
  std::vector<std::string> order(endings.begin(), endings.end());
  draws_.shuffle(order);
  for (const auto& ending : order) {
    const std::string permit = fmt::format("{}-{}", series, ending), until = date(), fee = price();
    fact.text += fmt::format("{} fee {}, valid until {}\n", permit, fee, until);
    fact.questions.push_back({permit, fmt::format("Until when is permit {} valid?", permit), until});
    fact.questions.push_back({permit, fmt::format("What fee was due for permit {}?", permit), fee});
  }
  return fact;
}

Fact FactMaker::make(FactKind kind) {
  switch (kind) {
    case FactKind::records:
      return records();
    case FactKind::saying:
      return saying();
    case FactKind::meeting:
      return meeting();
    case FactKind::settings:
      return settings();
    case FactKind::table:
      return table();
    case FactKind::life:
      return life();
    case FactKind::tally:
      return tally();
    case FactKind::twins:
      return twins();
  }
  DSA_CHECK(false);
  return {};
}

}  // namespace dsa
