// "How many r in strawberry?"
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rl/tasks/makers.h"
#include "rl/tasks/message.h"
#include "rl/tasks/notes.h"

namespace dsa::rl {
namespace {

constexpr std::array<std::string_view, 72> kWords{
    "ant",          "bee",         "cat",        "egg",        "sun",         "tea",        "bird",
    "book",         "ball",        "door",       "fish",       "moon",        "tree",       "wolf",
    "apple",        "berry",       "bread",      "cello",      "daddy",       "eagle",      "grass",
    "happy",        "melon",       "mummy",      "otter",      "radar",       "silly",      "banana",
    "bottle",       "butter",      "cheese",     "coffee",     "kettle",      "letter",     "mirror",
    "parrot",       "pepper",      "puzzle",     "balloon",    "cabbage",     "giraffe",    "lettuce",
    "raccoon",      "scissor",     "terrace",    "tobacco",    "addition",    "assessor",   "broccoli",
    "elephant",     "hammered",    "mattress",   "blueberry",  "committee",   "crocodile",  "horseshoe",
    "pineapple",    "raspberry",   "tennessee",  "assessment", "bookkeeper",  "collection", "strawberry",
    "successful",   "mississippi", "possession", "rhinoceros", "battlefield", "millennium", "kindergarten",
    "refrigerator", "marshmallows"};

std::size_t letters_at(int difficulty) { return 3 + static_cast<std::size_t>(difficulty); }

// Of few letters, so that they come again.
std::string invented(std::size_t length, Draws& draws) {
  std::string consonants;
  while (consonants.size() < 2 + length / 5)
    consonants += draws.one_of(std::string_view("bcdfghjklmnpqrstvwxyz"));
  std::string word;
  while (word.size() < length) {
    word += draws.one_of(consonants);
    if (word.size() < length) word += draws.one_of(std::string_view("aeiou"));
    if (word.size() < length && draws.below(4) == 0) word += word.back();
  }
  return word;
}

std::string word_of(int difficulty, Draws& draws) {
  const std::size_t length = letters_at(difficulty);
  std::vector<std::string_view> known;
  for (const auto word : kWords)
    if (word.size() == length) known.push_back(word);
  return known.empty() || draws.below(2) == 0 ? invented(length, draws) : std::string(draws.one_of(known));
}

// One that makes each count as likely as another, as far as the word has them.
char letter_for(std::string_view word, Draws& draws) {
  std::array<std::vector<char>, 4> by_count;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const auto count = static_cast<std::size_t>(std::ranges::count(word, letter));
    by_count[std::min(count, by_count.size() - 1)].push_back(letter);
  }
  std::vector<std::vector<char>> filled;
  for (const auto& letters : by_count)
    if (!letters.empty()) filled.push_back(letters);
  return draws.one_of(draws.one_of(filled));
}

}  // namespace

std::unique_ptr<const Task> make_counting(const TaskId& id) {
  Draws draws = draws_of(id, 1);
  const std::string word = word_of(id.difficulty, draws);
  const char letter = letter_for(word, draws);
  AnswerParts parts;
  if (id.context == 0) {
    parts.prompt = fmt::format("How many {} in {}?", letter, word);
  } else {
    Names names;
    const std::string asked = names.fresh('w', draws);
    parts.prompt = notes_of(
        {fmt::format("{} = {}", asked, word)}, id.context,
        [&] {
          const std::string other = names.fresh('w', draws);
          return fmt::format("{} = {}", other, word_of(id.difficulty, draws));
        },
        draws);
    parts.prompt += fmt::format("How many {} in {}?", letter, asked);
    parts.steps = fmt::format("{} = {}\n", asked, word);
  }
  int count = 0;
  for (const char one : word) {
    parts.steps.append(1, one).append(" ");
    if (one == letter) parts.steps += fmt::format("{} ", ++count);
  }
  parts.steps.pop_back();
  parts.answer = std::to_string(count);
  return answer_task(id, std::move(parts));
}

}  // namespace dsa::rl
