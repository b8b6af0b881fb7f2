// The figures of an answer, by name.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace dsa::compare {

/// A figure that is not there was not to be had: a server that counts no tokens, a prompt without tests.
using Figures = std::map<std::string, double, std::less<>>;

struct Metric {
  std::string_view name;   // in Figures, and in JSON
  std::string_view title;  // for people
  bool yes_no = false;     // 1 or 0: its mean is a share, with Wilson's interval
  int digits = 1;          // behind the point
};

/// All there are, in the order in which they are shown.
std::span<const Metric> metrics();

/// The mean of what the rules say of an answer: facts, clean, number, overlap, tests, those it has; without
/// any it gets no score.
void add_score(Figures& figures);

}  // namespace dsa::compare
