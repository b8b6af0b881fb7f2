// Documents to learn looking back from: facts planted in ordinary text,
// and asked for all over the rest of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/facts.h"
#include "text/passages.h"

namespace dsa {

inline constexpr std::int64_t kShortestText = 256;  // tokens; a fact and its question take up to some hundred
inline constexpr std::int64_t kLongestText = 131072;

/// A question with its answer, and the fact before it that answers it; places are bytes of the text.
struct Asked {
  FactKind kind = FactKind::records;
  Question question;
  std::size_t planted = 0;  // where the fact begins
  std::size_t planted_bytes = 0;
  std::size_t asked = 0;   // where the question begins
  std::size_t answer = 0;  // where the answer begins
};

struct RetrievalText {
  std::string text;
  std::vector<Asked> asked;  // in order, at least one
};

/// Document number `number`: at least `tokens` of what `count` counts in a text, and little more.
/// From question to fact it is a 32nd of the text at least, and nearly all of it at most.
/// A pure function of its arguments.
RetrievalText make_retrieval_text(const Passages& passages, std::uint64_t seed, std::int64_t number,
                                  std::int64_t tokens,
                                  const std::function<std::int64_t(std::string_view)>& count);

}  // namespace dsa
