// What a judge model learns from: attempts at a task, right and wrong in many ways, and a rubric whose lines
// the rules have answered with yes or no.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/tasks/domain.h"

namespace dsa::rl {

struct RubricLine {
  std::string_view question;  // of kRubric
  bool yes = false;
};
inline constexpr std::array<std::string_view, 5> kRubric{"is the answer right", "does it end with one answer",
                                                         "are steps written out", "is all of it english",
                                                         "is nothing said twice"};

/// The rubric's lines in their order, as the rules answer them.  Right: the score is 1.  One answer: the last
/// message is an answer.  Steps: a message has lines before its last.  English: language_share() is 1.
/// Twice: no line but a call stands in the messages again.
std::vector<RubricLine> rubric_of(const Transcript& attempt);
/// Share of yes.
double rubric_score(std::span<const RubricLine> lines);

/// An attempt at a task, a pure function of its arguments: a third of them solutions, with their steps or
/// without; the others with the answer of another task, without one, with two, in two languages, with a line
/// said twice, or with a message left out.
Transcript drawn_attempt(const Domain& domain, const TaskId& id, std::uint64_t seed);

/// What the judge reads of an attempt, up to the question's mark.
std::string judged_text(const Task& task, const Transcript& attempt, std::string_view question);

}  // namespace dsa::rl
