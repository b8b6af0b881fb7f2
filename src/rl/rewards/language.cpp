#include "rl/rewards/language.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/error.h"
#include "base/rng.h"
#include "rl/rewards/language_words.h"
#include "tokenizer/utf8.h"

namespace dsa::rl {
namespace {

struct NamedLanguage {
  std::string_view name;
  Language language;
};
constexpr std::array<NamedLanguage, 3> kLanguages{
    {{"english", Language::english}, {"german", Language::german}, {"persian", Language::persian}}};

constexpr std::array<std::string_view, 5> kMarks{"answer:", "search:", "read:", "edit:", "run:"};

bool is_letter(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:  // Persian's vowel signs stand within words
      return true;
    default:
      return false;
  }
}
bool is_latin(char32_t c) { return c < 0x250; }
bool is_arabic(char32_t c) { return c >= 0x600 && c < 0x700; }

// A run of letters, digits and what joins them; `take` gets it with what stands before it since the last.
void visit_words(std::string_view line, const std::function<void(std::string_view word)>& take) {
  const auto joins = [](char32_t c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == 0x200C;
  };
  while (!line.empty()) {
    std::string_view rest = line;
    if (!joins(next_code_point(rest))) {
      line = rest;
      continue;
    }
    std::string_view after = rest;
    while (!after.empty()) {
      std::string_view following = after;
      if (!joins(next_code_point(following))) break;
      after = following;
    }
    take(line.substr(0, line.size() - after.size()));
    line = after;
  }
}

void visit_lines(std::string_view text, const std::function<void(std::string_view line)>& take) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    take(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool is_marked(std::string_view line) {
  return std::ranges::any_of(kMarks, [&](std::string_view mark) { return line.starts_with(mark); });
}

enum class Speech : std::uint8_t { none, english, german, latin, persian, other };

Speech speech_of(std::string_view word) {
  std::string_view rest = word;
  std::string lower;
  bool latin = true, arabic = true;
  std::int64_t letters = 0;
  while (!rest.empty()) {
    const char32_t c = next_code_point(rest);
    if (c == 0x200C) continue;
    if (!is_letter(c)) return Speech::none;  // a name with a digit
    if (letters++ == 0 && utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_LU)
      return Speech::none;
    latin = latin && is_latin(c);
    arabic = arabic && is_arabic(c);
    append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
  if (letters < 2) return Speech::none;
  if (arabic) return Speech::persian;
  if (!latin) return Speech::other;
  for (const auto& [english, german] : kWordPairs) {
    if (lower == english) return Speech::english;
    if (lower == german) return Speech::german;
  }
  return Speech::latin;
}

bool is_of(Speech speech, Language language) {
  switch (language) {
    case Language::english:
      return speech == Speech::english || speech == Speech::latin;
    case Language::german:
      return speech == Speech::german || speech == Speech::latin;
    case Language::persian:
      return speech == Speech::persian;
  }
  return false;
}

}  // namespace

std::string_view name(Language language) {
  return std::ranges::find(kLanguages, language, &NamedLanguage::language)->name;
}

Language language_named(std::string_view name) {
  const auto found = std::ranges::find(kLanguages, name, &NamedLanguage::name);
  if (found != kLanguages.end()) return found->language;
  fail("language {}: expected english, german or persian", printable(name));
}

double language_share(std::string_view text, Language target) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return 0;
  std::string storage;
  std::int64_t words = 0, of_target = 0;
  visit_lines(repaired_utf8(text, storage), [&](std::string_view line) {
    if (is_marked(line)) return;
    visit_words(line, [&](std::string_view word) {
      const Speech speech = speech_of(word);
      if (speech == Speech::none) return;
      ++words;
      if (is_of(speech, target)) ++of_target;
    });
  });
  return words == 0 ? 1 : static_cast<double>(of_target) / static_cast<double>(words);
}

std::string mixed_languages(std::string_view text, double share, std::uint64_t seed) {
  const CounterRng draws(seed);
  std::uint64_t number = 0;
  std::string out, storage;
  visit_lines(repaired_utf8(text, storage), [&](std::string_view line) {
    if (is_marked(line)) {
      out += line;
      return;
    }
    std::size_t written = 0;  // bytes of the line
    visit_words(line, [&](std::string_view word) {
      const auto pair = std::ranges::find(kWordPairs, word, &WordPair::english);
      if (pair == kWordPairs.end() || draws.unit(number++) >= share) return;
      const auto at = static_cast<std::size_t>(word.data() - line.data());
      out.append(line.substr(written, at - written)).append(pair->german);
      written = at + word.size();
    });
    out += line.substr(written);
  });
  return out;
}

}  // namespace dsa::rl
