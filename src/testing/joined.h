// For tests: a rendered prompt as one text.
#pragma once

#include <span>
#include <string>

#include "chat/chat_format.h"

namespace dsa::test {

inline std::string joined(std::span<const Segment> segments) {
  std::string out;
  for (const Segment& s : segments) out += s.text;
  return out;
}

}  // namespace dsa::test
