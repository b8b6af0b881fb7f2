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
  std::vector<ChatTool> tools;  // that may be called; empty: none
  bool parallel = true;         // several in one answer
};

/// `tools`, `tool_choice` (auto and none; what forces a call is refused in read_common()) and
/// `parallel_tool_calls`.  `text`: the body as it was sent, for the order of its keys; "": in any order.
/// Throws ApiError.
AskedTools read_tools(const Fields& body, const ServedModel& model, std::string_view text);

/// `tool_calls` of a message of the assistant's.  Throws ApiError.
std::vector<ToolCall> read_tool_calls(const Fields& message);

/// The field, checked: a name that a function can have.  Throws ApiError.
std::string read_tool_name(const Fields& function);

}  // namespace dsa::server
