#include "eval/retrieval_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/draws.h"
#include "base/error.h"
#include "eval/retrieval_words.h"

namespace dsa {
namespace {

constexpr std::array<std::string_view, 4> kNames{"single", "multi-key", "variables", "words"};

// "golden lantern": every pair of words is a name, the same number always the same one.
constexpr std::int64_t kThings = static_cast<std::int64_t>(kAdjectives.size() * kNouns.size());
std::string thing(std::int64_t i) {
  const auto at = static_cast<std::size_t>(i);
  return fmt::format("{} {}", kAdjectives[at % kAdjectives.size()], kNouns[at / kAdjectives.size()]);
}

std::string number_line(const std::string& name, const std::string& number) {
  return fmt::format("The number of the {} is {}.", name, number);
}

constexpr std::string_view kFilling =
    "The road goes up the hill. A dog sleeps in the sun. The rain has stopped. Somebody closes a window.";

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

// `lines` at random places of the filling, in their order.
std::string in_filling(const std::vector<std::string>& lines, std::int64_t units, Draws& draws) {
  std::vector<std::int64_t> places(lines.size());
  for (auto& place : places) place = draws.below(units + 1);
  std::ranges::sort(places);
  std::vector<std::string> text;
  std::size_t next = 0;
  for (std::int64_t unit = 0; unit <= units; ++unit) {
    for (; next < lines.size() && places[next] == unit; ++next) text.push_back(lines[next]);
    if (unit < units) text.emplace_back(kFilling);
  }
  return joined(text, " ");
}

RetrievalSample about_number(const std::string& text, const std::string& name, const std::string& number) {
  return {.question = fmt::format("Remember the number that is hidden in this text.\n\n{}\n\n"
                                  "What is the number of the {} in the text above?",
                                  text, name),
          .answer_begins = fmt::format("The number of the {} is", name),
          .answer = " " + number,
          .references = {number}};
}

RetrievalSample single(Draws& draws, std::int64_t units) {
  const std::string name = thing(draws.below(kThings)), number = draws.number(7);
  return about_number(in_filling({number_line(name, number)}, units, draws), name, number);
}

RetrievalSample multi_key(Draws& draws, std::int64_t units) {
  if (units > kThings) fail("retrieval: {} lines are more than there are names ({})", units, kThings);
  std::vector<std::int64_t> things(static_cast<std::size_t>(kThings));
  std::iota(things.begin(), things.end(), 0);
  draws.shuffle(things);
  std::vector<std::string> lines;
  const std::int64_t asked = draws.below(units);
  std::string name, number;
  for (std::int64_t i = 0; i < units; ++i) {
    const std::string of = thing(things[static_cast<std::size_t>(i)]), value = draws.number(7);
    lines.push_back(number_line(of, value));
    if (i != asked) continue;
    name = of;
    number = value;
  }
  return about_number(joined(lines, "\n"), name, number);
}

// Two variables of the value asked for, two of another: the second of each names the first.
RetrievalSample variables(Draws& draws, std::int64_t units) {
  std::array<std::string, 4> names;
  for (auto& variable : names) variable = draws.letters(5, 'A');
  const std::string value = draws.number(5);
  std::string other = draws.number(5);
  while (other == value) other = draws.number(5);
  const auto assign = [](const std::string& to, const std::string& from) {
    return fmt::format("VAR {} = {}.", to, from);
  };
  std::vector<std::string> lines{assign(names[0], value), assign(names[1], "VAR " + names[0])};
  // The others begin before, between or after.
  const std::int64_t place = draws.below(3);
  const std::vector<std::string> more{assign(names[2], other), assign(names[3], "VAR " + names[2])};
  lines.insert(lines.begin() + place, more.begin(), more.end());
  return {.question = fmt::format("Remember the variables that are set in this text.\n\n{}\n\n"
                                  "Which variables have the value {} in the text above? "
                                  "There are two: one is set to the value, the other to that variable.",
                                  in_filling(lines, units, draws), value),
          .answer_begins = "The names of the two variables are",
          .answer = fmt::format(" {} and {}", names[0], names[1]),
          .references = {names[0], names[1]}};
}

// Counts fall with the square of the rank: the first three of `units` words of text stand out.
RetrievalSample words(Draws& draws, std::int64_t units) {
  std::vector<std::string> text, top;
  for (std::int64_t rank = 1; static_cast<std::int64_t>(text.size()) < units || rank <= 4; ++rank) {
    const double share = 0.6 / static_cast<double>(rank * rank);
    // At least 5, 3, 2 and 1, so that also a short text has a first, a second and a third.
    const std::int64_t least = rank <= 4 ? std::array{5, 3, 2, 1}[static_cast<std::size_t>(rank - 1)] : 1;
    const auto count = std::max(least, static_cast<std::int64_t>(share * static_cast<double>(units)));
    const std::string word = draws.letters(6, 'a');
    text.insert(text.end(), static_cast<std::size_t>(count), word);
    if (rank <= 3) top.push_back(word);
  }
  draws.shuffle(text);
  return {.question = fmt::format("Count how often each word of this list occurs.\n\n{}\n\n"
                                  "Which three words occur most often in the list above?",
                                  joined(text, " ")),
          .answer_begins = "The three most frequent words are",
          .answer = fmt::format(" {}, {} and {}", top[0], top[1], top[2]),
          .references = top};
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

std::string_view name(RetrievalTask task) { return kNames[static_cast<std::size_t>(task)]; }

RetrievalSample make_sample(RetrievalTask task, std::uint64_t seed, std::int64_t number, std::int64_t units) {
  DSA_CHECK(units >= 1 && number >= 0);
  Draws draws(seed, static_cast<std::uint64_t>(number) * kNames.size() + static_cast<std::uint64_t>(task));
  switch (task) {
    case RetrievalTask::single:
      return single(draws, units);
    case RetrievalTask::multi_key:
      return multi_key(draws, units);
    case RetrievalTask::variables:
      return variables(draws, units);
    case RetrievalTask::words:
      return words(draws, units);
  }
  DSA_CHECK(false);
  return {};
}

RetrievalSample fit_sample(RetrievalTask task, std::uint64_t seed, std::int64_t number, std::int64_t length,
                           const std::function<std::int64_t(const RetrievalSample&)>& count) {
  const auto fits = [&](std::int64_t units) {
    return count(make_sample(task, seed, number, units)) <= length;
  };
  if (!fits(1))
    fail("retrieval: {} tokens are too few for a sample of the task {}: give longer `lengths`", length,
         name(task));
  const std::int64_t most = task == RetrievalTask::multi_key ? kThings : length;
  std::int64_t units = 1, too_many = most + 1;
  for (std::int64_t guess = 2; guess < too_many; guess *= 2) (fits(guess) ? units : too_many) = guess;
  while (too_many - units > 1) {
    const std::int64_t middle = units + (too_many - units) / 2;
    (fits(middle) ? units : too_many) = middle;
  }
  return make_sample(task, seed, number, units);
}

bool answers(const RetrievalSample& sample, std::string_view said) {
  const std::string text = lower(said);
  return std::ranges::all_of(sample.references,
                             [&](const auto& r) { return text.find(lower(r)) != std::string::npos; });
}

}  // namespace dsa
