// What can be said of an answer without asking anyone.
#pragma once

#include <span>
#include <string>

#include "compare/metrics.h"
#include "compare/prompts.h"

namespace dsa::compare {

/// Words, lines, lines of code, circles and repetition of the text, and what `expected` says of it, but for
/// its tests.
Figures judge_text(const std::string& text, const Expected& expected);

/// Of the answers to one question in several words: `number`, the share that end with the right one, and
/// `stable`, whether all end with the same one.
void judge_numbers(std::span<const std::string> answers, double right, Figures& figures);

}  // namespace dsa::compare
