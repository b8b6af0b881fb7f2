// A model that says which of two answers is better.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "compare/prompts.h"
#include "compare/speaker.h"

namespace dsa::compare {

enum class Verdict : std::uint8_t { a, b, tie, unclear };
std::string_view name(Verdict verdict);
std::optional<Verdict> parse_verdict(std::string_view name);

/// Asked twice, with A's answer first and with B's answer first; both verdicts are of A and B.
struct Judgement {
  Verdict a_first = Verdict::unclear;
  Verdict b_first = Verdict::unclear;
  /// Nothing if it went by the place, or said nothing that can be read.
  [[nodiscard]] std::optional<Verdict> settled() const;
};

/// The rubric that is used where none is given.
std::string_view default_rubric();

/// What it is asked: the rubric, what was asked of the two, and their answers as 1 and 2.
std::string judge_question(std::string_view rubric, const Prompt& prompt, std::string_view one,
                           std::string_view two);
/// "VERDICT: 1" on the last line that has such a thing: Verdict::a for 1, b for 2, tie for 0.
Verdict read_verdict(std::string_view answer);

/// Nothing if `cancel` was set.  Throws Error as Speaker::say().
std::optional<Judgement> judge(Speaker& speaker, std::string_view rubric, const Prompt& prompt,
                               std::string_view a, std::string_view b, const std::atomic<bool>& cancel);

}  // namespace dsa::compare
