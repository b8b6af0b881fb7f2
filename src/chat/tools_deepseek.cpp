#include "base/json_layout.h"
#include "chat/call_reader.h"
#include "chat/tool_families.h"

namespace dsa::deepseek_tools {
namespace {

constexpr std::string_view kCalls = "<｜tool▁calls▁begin｜>";
constexpr std::string_view kEndCalls = "<｜tool▁calls▁end｜>";
constexpr std::string_view kCall = "<｜tool▁call▁begin｜>";
constexpr std::string_view kSeparator = "<｜tool▁sep｜>";
constexpr std::string_view kEndCall = "<｜tool▁call▁end｜>";
constexpr std::string_view kResult = "<｜tool▁output▁begin｜>";
constexpr std::string_view kEndResult = "<｜tool▁output▁end｜>";
constexpr std::size_t kLongestName = 256;

class Parser final : public CallReader {
 public:
  using CallReader::CallReader;

 protected:
  bool step() override {
    switch (state_) {
      case State::text:
        return say_until(kCalls) && go(State::between);
      case State::between:
        return between();
      case State::name:
        return name();
      case State::arguments:
        arguments(consume(object_.take(held())));
        if (object_.closed() || object_.broken()) end();
        if (object_.broken()) return not_a_call();
        return object_.closed() && go(State::tail);
      case State::tail:
        return tail();
    }
    return false;
  }

  void over() override {
    if (state_ == State::tail || (state_ == State::between && called_)) drop(held().size());
  }

 private:
  enum class State : std::uint8_t { text, between, name, arguments, tail };

  bool go(State state) {
    state_ = state;
    return true;
  }
  bool not_a_call() {
    refuse();
    called_ = false;
    return go(State::text);
  }

  // The next call, or the end of all.
  bool between() {
    const Seen end = next(kEndCalls);
    if (end == Seen::yes) {
      if (!called_) return not_a_call();
      drop(0);
      called_ = false;
      return go(State::text);
    }
    const Seen call = next(kCall);
    if (call == Seen::yes) return go(State::name);
    return end == Seen::no && call == Seen::no && not_a_call();
  }

  bool name() {
    const auto separator = held().substr(0, kLongestName).find(kSeparator);
    if (separator == std::string_view::npos) return held().size() >= kLongestName && not_a_call();
    const std::string name(strip(held().substr(0, separator)));
    std::string_view rest = held().substr(separator + kSeparator.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    if (find(name) == nullptr || (!rest.empty() && !rest.starts_with('{'))) return not_a_call();
    if (rest.empty()) return false;
    consume(held().size() - rest.size());
    begin(name);
    called_ = true;
    object_ = {};
    return go(State::arguments);
  }

  bool tail() {
    const Seen seen = next(kEndCall);
    if (seen == Seen::more) return false;
    if (seen == Seen::no) return not_a_call();
    drop(0);
    return go(State::between);
  }

  State state_ = State::text;
  ObjectEnd object_;
  bool called_ = false;  // behind this beginning of calls
};

}  // namespace

void write_tools(PromptWriter& out, std::span<const ChatTool> tools) {
  out.text("## Tools\nYou have access to the following tools:\n");
  for (const ChatTool& tool : tools) {
    const std::string_view function = json_member(tool.definition, "function");
    const std::string_view parameters = json_member(function, "parameters");
    out.text("\n### ").text(tool.name).text("\nDescription: ");
    out.text(json_unquoted(json_member(function, "description"))).text("\n\nParameters: ");
    out.text(parameters.empty() ? "{}" : python_layout(parameters)).text("\n");
  }
  out.text("\nIMPORTANT: ALWAYS adhere to this exact format for tool use:\n").mark(kCalls).mark(kCall);
  out.text("tool_call_name").mark(kSeparator).text("tool_call_arguments").mark(kEndCall);
  out.text("{{additional_tool_calls}}").mark(kEndCalls);
  out.text(
      "\n\nWhere:\n\n- `tool_call_name` must be an exact match to one of the available tools\n"
      "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema\n"
      "- For multiple tool calls, chain them directly without separators or spaces\n");
}

void write_calls(PromptWriter& out, std::span<const ToolCall> calls) {
  out.mark(kCalls);
  for (const ToolCall& call : calls)
    out.mark(kCall).text(call.name).mark(kSeparator).text(shown_arguments(call)).mark(kEndCall);
  out.mark(kEndCalls);
}

void write_result(PromptWriter& out, const ChatMessage& result) {
  out.mark(kResult).text(result.content).mark(kEndResult);
}

std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools) {
  return std::make_unique<Parser>(tools);
}

CallSyntax syntax() {
  CallSyntax out{.begin = std::string(kCalls),
                 .end = std::string(kEndCalls),
                 .before_name = std::string(kCall),
                 .after_name = std::string(kSeparator),
                 .after_arguments = std::string(kEndCall),
                 .trigger = std::string(kCalls)};
  for (const std::string_view mark : {kCalls, kEndCalls, kCall, kSeparator, kEndCall})
    out.marks.emplace_back(mark);
  return out;
}

}  // namespace dsa::deepseek_tools
