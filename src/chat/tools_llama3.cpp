#include "base/json_layout.h"
#include "chat/call_reader.h"
#include "chat/tool_families.h"

namespace dsa::llama3_tools {
namespace {

constexpr std::string_view kPython = "<|python_tag|>";

// The arguments of `name.call(query="...", n="...")`, which is how the tools that are built in are called.
std::optional<ToolCall> built_in_call(std::string_view text) {
  static constexpr std::string_view kCall = ".call(";
  text = strip(text);
  const auto open = text.find(kCall);
  if (open == std::string_view::npos || !text.ends_with(')')) return std::nullopt;
  ToolCall call{.id = "", .name = std::string(text.substr(0, open)), .arguments = ""};
  text = text.substr(open + kCall.size());
  text.remove_suffix(1);
  while (!(text = strip(text)).empty()) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals + 1 == text.size() || text[equals + 1] != '"')
      return std::nullopt;
    std::size_t end = equals + 2;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size()) return std::nullopt;
    call.arguments.append(call.arguments.empty() ? "" : ", ")
        .append(json_quoted(strip(text.substr(0, equals))))
        .append(": ")
        .append(text.substr(equals + 1, end - equals));
    text.remove_prefix(end + 1);
    text = strip(text);
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  call.arguments = "{" + call.arguments + "}";
  if (!is_json_object(call.arguments)) return std::nullopt;
  return call;
}

class Parser final : public JsonCallReader {
 public:
  using JsonCallReader::JsonCallReader;

 protected:
  bool step() override {
    switch (state_) {
      case State::start:
        return start();
      case State::text:
        return say_until(kPython) && go(State::python);
      case State::python:
        skip_blanks();
        if (held().empty()) return false;
        return go(held().starts_with('{') ? State::call : State::built_in);
      case State::call:
        return call();
      case State::tail:
        return tail();
      case State::built_in:
        return false;  // its end is the message's
    }
    return false;
  }

  void over() override {
    if (state_ == State::tail) return drop(held().size());
    if (state_ != State::built_in) return;
    const auto call = built_in_call(held());
    if (!call || find(call->name) == nullptr) return;
    consume(held().size());
    begin(call->name);
    arguments(call->arguments);
    end();
  }

 private:
  enum class State : std::uint8_t { start, text, python, call, tail, built_in };

  bool go(State state) {
    state_ = state;
    return true;
  }
  bool not_a_call() {
    refuse();
    return go(State::text);
  }

  // A call is the whole message: an object anywhere else is text.
  bool start() {
    const Seen seen = next(kPython);
    if (seen == Seen::more) return false;
    if (seen == Seen::yes) return go(State::python);
    return held().starts_with('{') ? go(State::call) : not_a_call();
  }

  bool call() {
    if (held().empty()) return false;
    const Read read = read_call();
    return read == Read::done ? go(State::tail) : read == Read::none && not_a_call();
  }

  // The call's own bracket, and what parts it from another one.
  bool tail() {
    const Seen seen = next(kPython);
    if (seen == Seen::more) return false;
    if (seen == Seen::yes) {
      drop(0);
      return go(State::python);
    }
    if (held().starts_with('{')) return go(State::call);
    if (!held().starts_with('}') && !held().starts_with(';')) return not_a_call();
    drop(1);
    return true;
  }

  State state_ = State::start;
};

}  // namespace

void write_tools(PromptWriter& out, std::span<const ChatTool> tools) {
  out.text(
      "Given the following functions, please respond with a JSON for a function call with its proper "
      "arguments that best answers the given prompt.\n\n"
      "Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its "
      "value}.Do not use variables.\n\n");
  for (const ChatTool& tool : tools) out.text(python_layout(tool.definition, 4)).text("\n\n");
}

void write_calls(PromptWriter& out, std::span<const ToolCall> calls) {
  for (const ToolCall& call : calls) {
    if (&call != calls.data()) out.text("; ");
    out.text("{\"name\": \"")
        .text(call.name)
        .text("\", \"parameters\": ")
        .text(shown_arguments(call))
        .text("}");
  }
}

// The template takes every content for something to be written as JSON, and so does the model.
void write_result(PromptWriter& out, const ChatMessage& result) { out.text(json_quoted(result.content)); }

std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools) {
  return std::make_unique<Parser>(tools);
}

CallSyntax syntax() {
  return {.before_name = "{\"name\": \"",
          .after_name = "\", \"parameters\": ",
          .after_arguments = "}",
          .several = false,
          .trigger = std::string(kPython),
          .whole_message = true};
}

}  // namespace dsa::llama3_tools
