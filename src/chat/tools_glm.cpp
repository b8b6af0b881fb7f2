#include <fmt/format.h>

#include "base/json_layout.h"
#include "chat/call_reader.h"
#include "chat/tool_families.h"

namespace dsa::glm_tools {
namespace {

constexpr std::string_view kCall = "<tool_call>";
constexpr std::string_view kEndCall = "</tool_call>";
constexpr std::string_view kKey = "<arg_key>";
constexpr std::string_view kEndKey = "</arg_key>";
constexpr std::string_view kValue = "<arg_value>";
constexpr std::string_view kEndValue = "</arg_value>";
constexpr std::string_view kResult = "<tool_response>";
constexpr std::string_view kEndResult = "</tool_response>";
constexpr std::size_t kLongestName = 256;

class Parser final : public TaggedCallReader {
 public:
  using TaggedCallReader::TaggedCallReader;

 protected:
  bool step() override {
    switch (state_) {
      case State::text:
        return say_until(kCall) && go(State::name);
      case State::name:
        return name();
      case State::keys:
        return keys();
      case State::key:
        return key();
      case State::value:
        return value();
      case State::string:
        return value_until(kEndValue) && go(State::keys);
      case State::json:
        return json();
    }
    return false;
  }

  // What seemed to be JSON has an end, but for the quotes.
  void over() override {
    if (state_ != State::json) return;
    const auto end = held().find(kEndValue);
    if (end == std::string_view::npos || !take_json(end)) return;
    while (step()) {
    }
  }

 private:
  enum class State : std::uint8_t { text, name, keys, key, value, string, json };

  bool go(State state) {
    state_ = state;
    return true;
  }
  bool not_a_call() {
    if (calling()) end();
    refuse();
    return go(State::text);
  }

  bool name() {
    const auto end = held().substr(0, kLongestName).find_first_of("\n<");
    if (end == std::string_view::npos) return held().size() >= kLongestName && not_a_call();
    function_ = strip(held().substr(0, end));
    if (find(function_) == nullptr) return not_a_call();
    consume(end);
    return go(State::keys);
  }

  bool keys() {
    const Seen end = next(kEndCall);
    if (end == Seen::yes) {
      close_call(function_);
      return go(State::text);
    }
    const Seen key = next(kKey);
    if (key == Seen::yes) return go(State::key);
    return end == Seen::no && key == Seen::no && not_a_call();
  }

  bool key() {
    const auto end = held().substr(0, kLongestName).find(kEndKey);
    if (end == std::string_view::npos) return held().size() >= kLongestName && not_a_call();
    key_ = consume(end);
    consume(kEndKey.size());
    return go(State::value);
  }

  bool value() {
    const Seen seen = next(kValue);
    if (seen == Seen::more) return false;
    if (seen == Seen::no) return not_a_call();
    if (!is_text_argument(*find(function_), key_)) return go(State::json);
    add_argument(function_, key_, /*string=*/true);
    return go(State::string);
  }

  // A value that the schema does not call a string: it is one all the same if it is no JSON.
  bool json() {
    const auto first = held().find_first_not_of(" \t\r\n");
    const bool quotes = first != std::string_view::npos &&
                        std::string_view("\"{[").find(held()[first]) != std::string_view::npos;
    const auto end = quotes ? end_of_json(held(), kEndValue) : held().find(kEndValue);
    return end != std::string_view::npos && take_json(end);
  }
  bool take_json(std::size_t end) {
    add_argument(function_, key_, !is_json(held().substr(0, end)));
    return value_until(kEndValue) && go(State::keys);
  }

  State state_ = State::text;
  std::string function_;
  std::string key_;
};

// A function without what its schema says to a server alone.
std::string shown_function(const ChatTool& tool) {
  std::string out;
  for (const JsonItem& item : json_items(json_member(tool.definition, "function")))
    if (item.key != "strict" && item.key != "defer_loading")
      out.append(out.empty() ? "{\"" : ", \"")
          .append(item.key)
          .append("\": ")
          .append(python_layout(item.value));
  return out + "}";
}

}  // namespace

void write_tools(PromptWriter& out, std::span<const ChatTool> tools, Layout layout, bool functions_alone) {
  const std::string_view line = layout == Layout::lines ? "\n" : "";
  out.control("<|system|>")
      .text(
          "\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
          "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n");
  for (const ChatTool& tool : tools)
    out.text(functions_alone ? shown_function(tool) : python_layout(tool.definition)).text("\n");
  out.text(
         "</tools>\n\nFor each function call, output the function name and arguments within the following "
         "XML format:\n")
      .mark(kCall)
      .text("{function-name}")
      .text(line);
  for (const std::string_view number : {"1", "2"}) {
    out.mark(kKey).text("{arg-key-").text(number).text("}").mark(kEndKey).text(line);
    out.mark(kValue).text("{arg-value-").text(number).text("}").mark(kEndValue).text(line);
  }
  out.text("...").text(line).mark(kEndCall);
}

void write_calls(PromptWriter& out, std::span<const ToolCall> calls, Layout layout) {
  const std::string_view line = layout == Layout::lines ? "\n" : "";
  for (const ToolCall& call : calls) {
    out.text(line).mark(kCall).text(call.name).text(line);
    for (const auto& [key, value] : named_arguments(call)) {
      out.mark(kKey).text(key).mark(kEndKey).text(line);
      out.mark(kValue).text(shown_value(value)).mark(kEndValue).text(line);
    }
    out.mark(kEndCall);
  }
}

void write_results(PromptWriter& out, std::span<const ChatMessage> results, Layout layout) {
  const std::string_view line = layout == Layout::lines ? "\n" : "";
  out.control("<|observation|>");
  for (const ChatMessage& m : results)
    out.text(line).mark(kResult).text(line).text(m.content).text(line).mark(kEndResult);
}

std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools) {
  return std::make_unique<Parser>(tools);
}

CallSyntax syntax(Layout layout) {
  const std::string line(layout == Layout::lines ? "\n" : "");
  const std::string before_value = fmt::format("{}{}{}", kEndKey, line, kValue);
  CallSyntax out{.before_name = std::string(kCall),
                 .after_name = line,
                 .after_arguments = std::string(kEndCall),
                 .between = line,
                 .trigger = std::string(kCall),
                 .parameters = CallSyntax::Parameters{.before_key = std::string(kKey),
                                                      .before_text = before_value,
                                                      .before_json = before_value,
                                                      .end = std::string(kEndValue),
                                                      .after = line}};
  for (const std::string_view mark : {kCall, kEndCall, kKey, kEndKey, kValue, kEndValue})
    out.marks.emplace_back(mark);
  return out;
}

}  // namespace dsa::glm_tools
