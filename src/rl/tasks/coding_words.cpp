#include "rl/tasks/coding_words.h"

#include <fmt/format.h>

#include <array>

namespace dsa::rl {
namespace {

struct Form {
  std::string_view meaning, body, wrong;  // # is a number, @ another number
};
constexpr std::array<Form, 12> kForms{{{"x + #", "# +", "@ +"},
                                       {"x - #", "# -", "@ -"},
                                       {"x * #", "# *", "@ *"},
                                       {"x + #", "# +", "# -"},
                                       {"x - #", "# -", "# +"},
                                       {"x * #", "# *", "# +"},
                                       {"x * x", "dup *", "dup +"},
                                       {"x + x", "dup +", "dup *"},
                                       {"max(x, #)", "# max", "# min"},
                                       {"min(x, #)", "# min", "# max"},
                                       {"# - x", "# swap -", "# -"},
                                       {"x % #", "# %", "@ %"}}};

std::string form_filled(std::string_view form, const std::string& number, const std::string& other) {
  std::string text;
  for (const char c : form) {
    if (c == '#')
      text += number;
    else if (c == '@')
      text += other;
    else
      text += c;
  }
  return text;
}

}  // namespace

CodingWord draw_coding_word(std::string name, const std::vector<CodingWord>& before, int difficulty,
                            Draws& draws) {
  if (difficulty > 0 && before.size() >= 2 && draws.below(2) == 0) {
    const auto count = static_cast<std::int64_t>(before.size());
    const auto first = static_cast<std::size_t>(draws.below(count));
    auto second = static_cast<std::size_t>(draws.below(count - 1));
    if (second >= first) ++second;
    const std::string &one = before[first].name, &other = before[second].name;
    return {.name = std::move(name),
            .meaning = fmt::format("{} then {}", one, other),
            .body = fmt::format("{} {}", one, other),
            .wrong = draws.below(2) == 0 ? fmt::format("{} {}", other, one) : one,
            .uses = {first, second}};
  }
  const Form& form = kForms[static_cast<std::size_t>(draws.below(difficulty < 2 ? 6 : std::ssize(kForms)))];
  const std::int64_t number = 2 + draws.below(8), other = 2 + (number - 1 + draws.below(7)) % 8;
  const auto fill = [&](std::string_view text) {
    return form_filled(text, std::to_string(number), std::to_string(other));
  };
  return {.name = std::move(name),
          .meaning = fill(form.meaning),
          .body = fill(form.body),
          .wrong = fill(form.wrong),
          .uses = {}};
}

}  // namespace dsa::rl
