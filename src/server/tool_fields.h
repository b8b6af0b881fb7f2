// Tools in a chat's body: what is offered, and what was called before.
#pragma once

#include <string_view>
#include <vector>

#include "chat/chat_tools.h"
#include "server/fields.h"
#include "server/models.h"

namespace dsa::server {

inline constexpr std::size_t kMaxTools = 512;
inline constexpr std::size_t kMaxToolName = 128;

struct AskedTools {
  std::vector<ChatTool> tools;         // that are shown; empty: none
  std::vector<bool> strict;            // of each: its calls are held to its schema
  std::vector<std::string> callable;   // names; empty: all
  std::string choice_field = "tools";  // that an answer is held to calls by
  bool required = false;               // an answer calls
  bool parallel = true;                // several in one answer

  /// Answers are held to a grammar.
  [[nodiscard]] bool held() const;
  [[nodiscard]] bool may_call(std::size_t tool) const;
};

/// `tools`, `tool_choice` (auto, none, required, a function, some of them) and `parallel_tool_calls`.  A
/// function that must be called is called once.
/// `text`: the body as it was sent, for the order of its keys; "": in any order.  Throws ApiError.
AskedTools read_tools(const Fields& body, const ServedModel& model, std::string_view text);

/// `tool_calls` of a message of the assistant's.  Throws ApiError.
std::vector<ToolCall> read_tool_calls(const Fields& message);

/// The field, checked: a name that a function can have.  Throws ApiError.
std::string read_tool_name(const Fields& function);

}  // namespace dsa::server
