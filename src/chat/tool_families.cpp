#include "chat/tool_families.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_layout.h"
#include "chat/call_reader.h"

namespace dsa {

std::span<const ChatMessage> results_at(std::span<const ChatMessage> messages, std::size_t at) {
  std::size_t end = at;
  while (end < messages.size() && messages[end].role == Role::tool) ++end;
  return messages.subspan(at, end - at);
}

std::string shown_arguments(const ToolCall& call) {
  return is_json_object(call.arguments) ? python_layout(call.arguments) : call.arguments;
}

std::vector<std::pair<std::string, std::string>> named_arguments(const ToolCall& call) {
  if (!is_json_object(call.arguments)) return {{"arguments", json_quoted(call.arguments)}};
  std::vector<std::pair<std::string, std::string>> out;
  for (const JsonItem& item : json_items(call.arguments))
    out.emplace_back(json_unquoted(fmt::format("\"{}\"", item.key)), item.value);
  return out;
}

bool is_text_argument(const ChatTool& tool, std::string_view key) {
  std::string_view schema = tool.definition;
  for (const std::string_view member :
       {std::string_view("function"), std::string_view("parameters"), std::string_view("properties"), key})
    schema = json_member(schema, member);
  if (const auto type = json_member(schema, "type"); !type.empty()) return type == "\"string\"";
  if (const auto value = json_member(schema, "const"); !value.empty()) return value.starts_with('"');
  const auto values = json_items(json_member(schema, "enum"));
  return !values.empty() &&
         std::ranges::all_of(values, [](const JsonItem& one) { return one.value.starts_with('"'); });
}

std::string shown_value(const std::string& json) {
  return json.starts_with('"') ? json_unquoted(json) : python_layout(json);
}

}  // namespace dsa
