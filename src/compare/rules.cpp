#include "compare/rules.h"

#include <algorithm>
#include <cmath>

#include "compare/text_measures.h"

namespace dsa::compare {
namespace {

bool says(const std::string& plain_text, const Ways& ways) {
  return std::ranges::any_of(
      ways, [&](const std::string& way) { return plain_text.find(plain(way)) != std::string::npos; });
}

bool same_number(double a, double b) {
  return std::abs(a - b) <= 1e-6 * std::max({1.0, std::abs(a), std::abs(b)});
}

}  // namespace

Figures judge_text(const std::string& text, const Expected& expected) {
  Figures out{{"words", static_cast<double>(words(text).size())},
              {"lines", static_cast<double>(lines(text))},
              {"loops", loops(text) ? 1 : 0},
              {"repeated", repeated_share(text)}};
  double code = 0;
  for (const CodeBlock& block : code_blocks(text)) code += static_cast<double>(lines(block.text));
  out["code_lines"] = code;
  const std::string searched = plain(text);
  const auto said = [&](const Ways& ways) { return says(searched, ways); };
  if (!expected.facts.empty())
    out["facts"] = static_cast<double>(std::ranges::count_if(expected.facts, said)) /
                   static_cast<double>(expected.facts.size());
  if (!expected.forbidden.empty()) out["clean"] = std::ranges::none_of(expected.forbidden, said) ? 1 : 0;
  if (expected.reference) out["overlap"] = word_overlap(text, *expected.reference);
  return out;
}

void judge_numbers(std::span<const std::string> answers, double right, Figures& figures) {
  double hits = 0;
  bool stable = true;
  const auto first = last_number(answers.front());
  for (const std::string& answer : answers) {
    const auto number = last_number(answer);
    if (number && same_number(*number, right)) ++hits;
    stable = stable && number && first && same_number(*number, *first);
  }
  figures["number"] = hits / static_cast<double>(answers.size());
  if (answers.size() > 1) figures["stable"] = stable ? 1 : 0;
}

}  // namespace dsa::compare
