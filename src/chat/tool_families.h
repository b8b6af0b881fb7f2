// How each family of models is told of its tools, writes its calls and reads their results: a file a family,
// renderer and parser together.
#pragma once

#include <memory>
#include <span>

#include "chat/chat_families.h"

namespace dsa {

/// The results in a row that begin at `messages[at]`.
std::span<const ChatMessage> results_at(std::span<const ChatMessage> messages, std::size_t at);

/// Qwen's and Hermes': <tool_call> around JSON.  Also the convention for ChatML without tools of its own.
namespace hermes_tools {
/// From "# Tools" on; what stands in the system message before it is the caller's.
void write_tools(PromptWriter& out, std::span<const ChatTool> tools);
/// `after_text`: the message's text stands before them.
void write_calls(PromptWriter& out, std::span<const ToolCall> calls, bool after_text);
/// One message of the user with all of them.
void write_results(PromptWriter& out, std::span<const ChatMessage> results);
std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools);
CallSyntax syntax();
}  // namespace hermes_tools

/// ChatML's system message in front of tools.
void write_system_with_tools(PromptWriter& out, std::string_view system, std::span<const ChatTool> tools);
/// A conversation as Qwen2.5's template has it; `system`: what is said where it does not begin with a system
/// message.
void write_chatml(PromptWriter& out, std::span<const ChatMessage> messages, std::span<const ChatTool> tools,
                  const std::optional<std::string>& system);

/// Llama 3.1 to 3.3: a message that is JSON, or stands behind <|python_tag|>.
namespace llama3_tools {
void write_tools(PromptWriter& out, std::span<const ChatTool> tools);
void write_calls(PromptWriter& out, std::span<const ToolCall> calls);
void write_result(PromptWriter& out, const ChatMessage& result);
std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools);
CallSyntax syntax();
}  // namespace llama3_tools

/// DeepSeek V3.1, V3.1-Terminus, V3.2-Exp: tokens of their own around name and JSON.
namespace deepseek_tools {
void write_tools(PromptWriter& out, std::span<const ChatTool> tools);
void write_calls(PromptWriter& out, std::span<const ToolCall> calls);
void write_result(PromptWriter& out, const ChatMessage& result);
std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools);
CallSyntax syntax();
}  // namespace deepseek_tools

/// DeepSeek V3.2: tags of DSML, a parameter each.
namespace dsml_tools {
void write_tools(PromptWriter& out, std::span<const ChatTool> tools);
/// What a call without arguments has between its tags: a blank line in the encoding, nothing in llama.cpp's.
enum class NoArguments : std::uint8_t { blank_line, nothing };
void write_calls(PromptWriter& out, std::span<const ToolCall> calls, NoArguments none);
void write_results(PromptWriter& out, std::span<const ChatMessage> results);
std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools);
CallSyntax syntax();
}  // namespace dsml_tools

/// GLM-4.6 (a line each), 4.7 and 5: tags around keys and values.
namespace glm_tools {
enum class Layout : std::uint8_t { lines, line };
/// `functions_alone`: GLM-5 is shown the functions without what stands around them.
void write_tools(PromptWriter& out, std::span<const ChatTool> tools, Layout layout, bool functions_alone);
void write_calls(PromptWriter& out, std::span<const ToolCall> calls, Layout layout);
void write_results(PromptWriter& out, std::span<const ChatMessage> results, Layout layout);
std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools);
CallSyntax syntax(Layout layout);
}  // namespace glm_tools

/// A call's arguments for a prompt: in Python's layout; as they are, if they are no object.
std::string shown_arguments(const ToolCall& call);
/// A name and a value of each argument, the value in its JSON; of arguments that are no object the one
/// "arguments", a string.
std::vector<std::pair<std::string, std::string>> named_arguments(const ToolCall& call);
/// A value as tags hold it: a string as it is, anything else as JSON.
std::string shown_value(const std::string& json);

}  // namespace dsa
