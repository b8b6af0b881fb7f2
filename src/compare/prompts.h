// What both sides of `dsa compare` are asked (docs/compare.md, "Prompts").
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_format.h"

namespace dsa::compare {

/// Ways to say one thing.
using Ways = std::vector<std::string>;

/// By what an answer is judged without a judge; what is empty does not count.
struct Expected {
  std::vector<Ways> facts = {};                         // the answer says each of them
  std::vector<Ways> forbidden = {};                     // and none of these
  std::optional<double> number = {};                    // its last number
  std::optional<std::string> reference = std::nullopt;  // an answer like this one
  std::optional<std::string> tests = std::nullopt;      // Python, run behind the code of the answer
};

struct Prompt {
  std::string id;
  std::string set;
  std::string digest = {};                   // of the line and its document: whether it is still the same
  std::vector<ChatMessage> history = {};     // before what is asked
  std::vector<std::string> turns;            // asked one after another; the last one's answer counts
  std::vector<std::string> rewordings = {};  // the last turn in other words, each asked in its place
  Expected expected = {};
  std::optional<std::int64_t> turns_ago = {};  // since what is asked for was told
};

/// Reads JSONL; `set` of those that name none is the file's name without its ending.  Throws Error that names
/// the line, also for a field that is not known, and for an id that two have.
std::vector<Prompt> read_prompts(const std::filesystem::path& file);

}  // namespace dsa::compare
