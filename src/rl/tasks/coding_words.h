// The words of a toy repository: what each should do, how it is defined, and definitions that are wrong.
#pragma once

#include <string>
#include <vector>

#include "base/draws.h"

namespace dsa::rl {

struct CodingWord {
  std::string name;               // "b2": the second of b.t
  std::string meaning;            // "x + 5", "a1 then a2"
  std::string body;               // "5 +"
  std::string wrong;              // another body, which does something else
  std::vector<std::size_t> uses;  // of the words before it
};

/// The next word, behind `before`; above difficulty 0 it may use those.
CodingWord draw_coding_word(std::string name, const std::vector<CodingWord>& before, int difficulty,
                            Draws& draws);

}  // namespace dsa::rl
