#include "compare/metrics.h"

#include <array>

namespace dsa::compare {

std::span<const Metric> metrics() {
  static constexpr std::array<Metric, 18> kMetrics{{
      {"tokens", "tokens"},
      {"words", "words"},
      {"lines", "lines"},
      {"code_lines", "lines of code"},
      {"cut", "cut at its length", true, 2},
      {"loops", "goes round in circles", true, 2},
      {"repeated", "repeated runs of 4 words", false, 3},
      {"score", "score by all rules", false, 3},
      {"facts", "facts said", false, 3},
      {"clean", "nothing forbidden said", true, 2},
      {"number", "right number", false, 3},
      {"stable", "same number in other words", true, 2},
      {"overlap", "words of the reference", false, 3},
      {"tests", "code passes its tests", true, 2},
      {"ttft_ms", "first token, ms", false, 0},
      {"tok_s", "tokens a second", false, 1},
      {"seconds", "seconds in all", false, 2},
      {"usd_per_1000", "$ a thousand such answers", false, 4},
  }};
  return kMetrics;
}

void add_score(Figures& figures) {
  double sum = 0;
  int n = 0;
  for (const std::string_view rule : {"facts", "clean", "number", "overlap", "tests"})
    if (const auto found = figures.find(rule); found != figures.end()) sum += found->second, ++n;
  if (n > 0) figures["score"] = sum / n;
}

}  // namespace dsa::compare
