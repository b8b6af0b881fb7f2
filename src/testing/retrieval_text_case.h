// Retrieval documents for tests, over a filling of words that neither facts nor evaluation have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/retrieval_text.h"

namespace dsa::test {

// About as long as with SmolLM2's tokens, and quickly counted.
inline std::int64_t quick_count(std::string_view text) { return static_cast<std::int64_t>(text.size() / 4); }

inline Passages filling() {
  std::string text;
  Draws draws(0, 0);
  for (int paragraph = 0; paragraph < 300; ++paragraph) {
    for (int sentence = 0; sentence < 4; ++sentence) {
      for (int word = 0; word < 12; ++word) text += "zz" + draws.letters(4, 'a') + (word < 11 ? " " : ". ");
    }
    text += "\n\n";
  }
  const std::vector<std::string> texts{text.substr(0, text.size() / 2), text.substr(text.size() / 2)};
  return Passages(texts);
}

inline RetrievalText retrieval_text(std::uint64_t seed, std::int64_t number, std::int64_t tokens = 8192) {
  static const Passages passages = filling();
  return make_retrieval_text(passages, seed, number, tokens, quick_count);
}

}  // namespace dsa::test
