#include "base/json_layout.h"
#include "chat/call_reader.h"
#include "chat/tool_families.h"

namespace dsa::hermes_tools {
namespace {

constexpr std::string_view kCall = "<tool_call>";
constexpr std::string_view kEndCall = "</tool_call>";
constexpr std::string_view kResult = "<tool_response>";
constexpr std::string_view kEndResult = "</tool_response>";

class Parser final : public JsonCallReader {
 public:
  using JsonCallReader::JsonCallReader;

 protected:
  bool step() override {
    switch (state_) {
      case State::text:
        return say_until(kCall) && go(State::call);
      case State::call:
        return call();
      case State::tail:
        return tail();
    }
    return false;
  }

  void over() override {
    if (state_ == State::tail) drop(held().size());
  }

 private:
  enum class State : std::uint8_t { text, call, tail };

  bool go(State state) {
    state_ = state;
    return true;
  }
  bool not_a_call() {
    refuse();
    return go(State::text);
  }

  bool call() {
    if (!calling()) skip_blanks();
    if (held().empty()) return false;
    if (!calling() && !held().starts_with('{')) return not_a_call();
    const Read read = read_call();
    return read == Read::done ? go(State::tail) : read == Read::none && not_a_call();
  }

  bool tail() {
    const Seen seen = next(kEndCall);
    if (seen == Seen::more) return false;
    if (seen == Seen::yes) {
      drop(0);
      return go(State::text);
    }
    // The bracket that closes the call itself.
    if (!held().starts_with('}')) return not_a_call();
    drop(1);
    return true;
  }

  State state_ = State::text;
};

}  // namespace

void write_tools(PromptWriter& out, std::span<const ChatTool> tools) {
  out.text(
      "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
      "You are provided with function signatures within <tools></tools> XML tags:\n<tools>");
  for (const ChatTool& tool : tools) out.text("\n").text(python_layout(tool.definition));
  out.text(
         "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
         "within ")
      .mark(kCall)
      .mark(kEndCall)
      .text(" XML tags:\n")
      .mark(kCall)
      .text("\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n")
      .mark(kEndCall);
}

void write_calls(PromptWriter& out, std::span<const ToolCall> calls, bool after_text) {
  for (const ToolCall& call : calls) {
    if (after_text || &call != calls.data()) out.text("\n");
    out.mark(kCall).text("\n{\"name\": \"").text(call.name).text("\", \"arguments\": ");
    out.text(shown_arguments(call)).text("}\n").mark(kEndCall);
  }
}

void write_results(PromptWriter& out, std::span<const ChatMessage> results) {
  out.control("<|im_start|>").text("user");
  for (const ChatMessage& m : results)
    out.text("\n").mark(kResult).text("\n").text(m.content).text("\n").mark(kEndResult);
  out.control("<|im_end|>").text("\n");
}

std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools) {
  return std::make_unique<Parser>(tools);
}

CallSyntax syntax() {
  return {.before_name = "<tool_call>\n{\"name\": \"",
          .after_name = "\", \"arguments\": ",
          .after_arguments = "}\n</tool_call>",
          .between = "\n",
          .trigger = std::string(kCall),
          .marks = {std::string(kCall), std::string(kEndCall)}};
}

}  // namespace dsa::hermes_tools

namespace dsa {

void write_system_with_tools(PromptWriter& out, std::string_view system, std::span<const ChatTool> tools) {
  begin_message(out, Role::system).text(system).text("\n\n");
  hermes_tools::write_tools(out, tools);
  end_message(out);
}

void write_chatml(PromptWriter& out, std::span<const ChatMessage> messages, std::span<const ChatTool> tools,
                  const std::optional<std::string>& system) {
  const bool has_system = messages[0].role == Role::system;
  if (!tools.empty())
    write_system_with_tools(out, has_system ? messages[0].content : system.value_or(""), tools);
  else if (!has_system && system)
    write_message(out, Role::system, *system);
  for (std::size_t i = !tools.empty() && has_system ? 1 : 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role == Role::tool) {
      const auto results = results_at(messages, i);
      hermes_tools::write_results(out, results);
      i += results.size() - 1;
      continue;
    }
    begin_message(out, m.role).text(m.content);
    hermes_tools::write_calls(out, m.tool_calls, /*after_text=*/!m.content.empty());
    end_message(out);
  }
}

}  // namespace dsa
