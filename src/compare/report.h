// What a person is shown of a comparison.
#pragma once

#include <span>
#include <string>

#include "compare/summary.h"

namespace dsa::compare {

/// The sides as they were named, and how they were asked.
struct Titles {
  std::string a, b;
  std::string about;  // "512 tokens at most, temperature 0, seed 0"
};

/// Tables, the last line ended too.
std::string to_text(const Titles& titles, std::span<const Result> results, const Summary& summary);

/// One HTML file that needs nothing else.
std::string to_html(const Titles& titles, std::span<const Result> results, const Summary& summary);

/// "+1.5 [-0.2, +3.2]", with so many digits.
std::string difference_text(const Row& row);
/// Of the judge, in a sentence or two.
std::string judge_text(const Titles& titles, const JudgeSummary& judge);

}  // namespace dsa::compare
