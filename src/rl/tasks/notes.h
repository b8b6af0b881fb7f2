// What a task is told in, line by line, among lines of the same kind that do not matter.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/draws.h"

namespace dsa::rl {

/// The lines, with so many of `other` that there are at least `bytes` of them, in any order; each ends with a
/// newline.
std::string notes_of(std::vector<std::string> lines, std::int64_t bytes,
                     const std::function<std::string()>& other, Draws& draws);

/// Names of a task's own, each once: "w417".
class Names {
 public:
  std::string fresh(char letter, Draws& draws) {
    std::string name;
    do name = letter + std::to_string(10 + draws.below(9990));
    while (!used_.insert(name).second);
    return name;
  }

 private:
  std::set<std::string> used_;
};

}  // namespace dsa::rl
