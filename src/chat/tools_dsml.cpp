#include <fmt/format.h>

#include "base/json_layout.h"
#include "chat/call_reader.h"
#include "chat/tool_families.h"

namespace dsa::dsml_tools {
namespace {

constexpr std::string_view kDsml = "｜DSML｜";
constexpr std::string_view kCalls = "<｜DSML｜function_calls>";
constexpr std::string_view kEndCalls = "</｜DSML｜function_calls>";
constexpr std::string_view kInvoke = "<｜DSML｜invoke name=\"";
constexpr std::string_view kEndInvoke = "</｜DSML｜invoke>";
constexpr std::string_view kParameter = "<｜DSML｜parameter name=\"";
constexpr std::string_view kEndParameter = "</｜DSML｜parameter>";
constexpr std::size_t kLongestTag = 512;

class Parser final : public TaggedCallReader {
 public:
  using TaggedCallReader::TaggedCallReader;

 protected:
  bool step() override {
    switch (state_) {
      case State::text:
        return say_until(kCalls) && go(State::between);
      case State::between:
        return between();
      case State::name:
        return name();
      case State::parameters:
        return parameters();
      case State::parameter:
        return parameter();
      case State::value:
        return value_until(kEndParameter) && go(State::parameters);
    }
    return false;
  }

  void over() override {
    if (state_ == State::between && called_) drop(held().size());
  }

 private:
  enum class State : std::uint8_t { text, between, name, parameters, parameter, value };

  bool go(State state) {
    state_ = state;
    return true;
  }
  bool not_a_call() {
    if (calling()) end();
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
    const Seen invoke = next(kInvoke);
    if (invoke == Seen::yes) return go(State::name);
    return end == Seen::no && invoke == Seen::no && not_a_call();
  }

  bool name() {
    static constexpr std::string_view kEnd = "\">";
    const auto at = held().substr(0, kLongestTag).find(kEnd);
    if (at == std::string_view::npos) return held().size() >= kLongestTag && not_a_call();
    function_ = held().substr(0, at);
    if (find(function_) == nullptr) return not_a_call();
    consume(at + kEnd.size());
    return go(State::parameters);
  }

  bool parameters() {
    const Seen end = next(kEndInvoke);
    if (end == Seen::yes) {
      close_call(function_);
      called_ = true;
      return go(State::between);
    }
    const Seen parameter = next(kParameter);
    if (parameter == Seen::yes) return go(State::parameter);
    return end == Seen::no && parameter == Seen::no && not_a_call();
  }

  // Its tag, from the name on.
  bool parameter() {
    const auto at = held().substr(0, kLongestTag).find('>');
    if (at == std::string_view::npos) return held().size() >= kLongestTag && not_a_call();
    const std::string_view tag = held().substr(0, at);
    for (const bool string : {true, false}) {
      const std::string_view rest = string ? "\" string=\"true\"" : "\" string=\"false\"";
      if (!tag.ends_with(rest)) continue;
      add_argument(function_, tag.substr(0, tag.size() - rest.size()), string);
      consume(at + 1);
      return go(State::value);
    }
    return not_a_call();
  }

  State state_ = State::text;
  std::string function_;
  bool called_ = false;  // in this block
};

// "<｜DSML｜invoke", "</｜DSML｜invoke": the word between the brackets is a token of its own.
PromptWriter& open(PromptWriter& out, std::string_view tag) { return out.text("<").mark(kDsml).text(tag); }
PromptWriter& close(PromptWriter& out, std::string_view tag) { return out.text("</").mark(kDsml).text(tag); }

}  // namespace

void write_tools(PromptWriter& out, std::span<const ChatTool> tools) {
  out.text(
      "## Tools\n\nYou have access to a set of tools you can use to answer the user's question.\n"
      "You can invoke functions by writing a \"");
  open(out, "function_calls>").text("\" block like the following as part of your reply to the user:\n");
  open(out, "function_calls>\n");
  open(out, "invoke name=\"$FUNCTION_NAME\">\n");
  open(out, "parameter name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE");
  close(out, "parameter>\n...\n");
  close(out, "invoke>\n");
  open(out, "invoke name=\"$FUNCTION_NAME2\">\n...\n");
  close(out, "invoke>\n");
  close(out, "function_calls>\n\n")
      .text(
          "String and scalar parameters should be specified as is without any escaping or quotes, while "
          "lists and objects should use JSON format. The \"string\" attribute should be set to \"true\" for "
          "string type parameters and \"false\" for other types (numbers, booleans, arrays, objects).\n\n"
          "If the thinking_mode is enabled, then after function results you should strongly consider "
          "outputting a thinking block. Here is an example:\n\n");
  open(out, "function_calls>\n...\n");
  close(out, "function_calls>\n\n<function_results>\n...\n</function_results>\n\n");
  out.mark("<think>").text("...thinking about results").mark("</think>");
  out.text("\n\nHere are the functions available in JSONSchema format:\n<functions>\n");
  for (const ChatTool& tool : tools)
    out.text(python_layout(json_member(tool.definition, "function"))).text("\n");
  out.text("</functions>\n");
}

void write_calls(PromptWriter& out, std::span<const ToolCall> calls, NoArguments none) {
  open(out.text("\n\n"), "function_calls>\n");
  for (const ToolCall& call : calls) {
    open(out, "invoke name=\"").text(call.name).text("\">\n");
    const auto named = named_arguments(call);
    for (const auto& [key, value] : named) {
      open(out, "parameter name=\"").text(key).text("\" string=\"");
      out.text(value.starts_with('"') ? "true" : "false").text("\">").text(shown_value(value));
      close(out, "parameter>\n");
    }
    if (named.empty() && none == NoArguments::blank_line) out.text("\n");
    close(out, "invoke>\n");
  }
  close(out, "function_calls>");
}

void write_results(PromptWriter& out, std::span<const ChatMessage> results) {
  out.text("\n\n<function_results>");
  for (const ChatMessage& m : results) out.text("\n<result>").text(m.content).text("</result>");
  out.text("\n</function_results>");
}

std::unique_ptr<ToolParser> parser(std::span<const ChatTool> tools) {
  return std::make_unique<Parser>(tools);
}

CallSyntax syntax() {
  return {.begin = fmt::format("{}\n", kCalls),
          .end = std::string(kEndCalls),
          .before_name = std::string(kInvoke),
          .after_name = "\">\n",
          .after_arguments = fmt::format("{}\n", kEndInvoke),
          .trigger = std::string(kCalls),
          .parameters = CallSyntax::Parameters{.before_key = std::string(kParameter),
                                               .before_text = "\" string=\"true\">",
                                               .before_json = "\" string=\"false\">",
                                               .end = std::string(kEndParameter),
                                               .after = "\n",
                                               .says_which = true},
          .marks = {std::string(kDsml)}};
}

}  // namespace dsa::dsml_tools
