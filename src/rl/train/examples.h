// Episodes kept as text: which task, and what a model said.  They are played again to be learnt from.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "rl/tasks/domain.h"

namespace dsa::rl {

struct Example {
  const Domain* domain = nullptr;
  TaskId id;
  Style style = Style::steps;
  std::vector<std::string> messages;
};

/// One line of JSON, with its end.
std::string to_line(const Example& example);
/// A JSON Lines file.  Throws Error that names the line: none of ours, or a task that there is none of.
std::vector<Example> read_examples(const std::filesystem::path& path);

}  // namespace dsa::rl
