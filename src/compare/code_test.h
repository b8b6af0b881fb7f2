// Whether the code of an answer does what it was asked for.
#pragma once

#include <optional>
#include <string>

#include "compare/sandbox.h"

namespace dsa::compare {

struct CodeResult {
  bool passed = false;
  std::string why;  // one line; "passed", or what went wrong
};

/// Runs the answer's blocks of Python (those that say so, else those that name no language), one behind the
/// other, and behind them `tests`: Python that finds all that the code made, and what it printed as `output`.
/// It has passed if nothing was raised.  Nothing if `cancel` was set.
std::optional<CodeResult> test_code(const Sandbox& sandbox, const std::string& answer,
                                    const std::string& tests, const std::atomic<bool>& cancel);

}  // namespace dsa::compare
