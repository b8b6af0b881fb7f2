#include "rl/tasks/notes.h"

namespace dsa::rl {

std::string notes_of(std::vector<std::string> lines, std::int64_t bytes,
                     const std::function<std::string()>& other, Draws& draws) {
  std::int64_t size = 0;
  for (const auto& line : lines) size += static_cast<std::int64_t>(line.size()) + 1;
  while (size < bytes) {
    lines.push_back(other());
    size += static_cast<std::int64_t>(lines.back().size()) + 1;
  }
  draws.shuffle(lines);
  std::string text;
  for (const auto& line : lines) text.append(line).append("\n");
  return text;
}

}  // namespace dsa::rl
