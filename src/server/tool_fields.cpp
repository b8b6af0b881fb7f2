#include "server/tool_fields.h"

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/json_layout.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

using nlohmann::json;

constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

// The elements of `tools`, as they stand in the body.
std::vector<std::string> definitions_of(const json& list, std::string_view text) {
  std::vector<std::string> out;
  for (const JsonItem& item : json_items(json_member(text, "tools"))) out.emplace_back(item.value);
  if (out.size() == list.size()) return out;
  out.clear();
  for (const json& tool : list) out.push_back(json_text(tool));
  return out;
}

ChatTool tool_of(const Fields& tool, std::string definition, std::vector<bool>& strict) {
  if (tool.string("type").value_or("function") != "function")
    tool.wrong("type", "function: nothing else can be called");
  const auto function = tool.object("function");
  if (!function) tool.wrong("function", "an object");
  ChatTool out{.name = read_tool_name(*function), .definition = std::move(definition)};
  (void)function->string("description");
  (void)function->object("parameters");
  strict.push_back(function->boolean("strict").value_or(false));
  return out;
}

// The function that {"type": "function", ...} names: chat has it below "function", the newer API not.
std::string function_named(const Fields& choice, const std::vector<ChatTool>& tools) {
  const auto function = choice.object("function");
  const std::string name = read_tool_name(function ? *function : choice);
  if (std::ranges::find(tools, name, &ChatTool::name) == tools.end())
    choice.wrong(function ? "function" : "name",
                 fmt::format("the name of a tool, of which none is called \"{}\"", name));
  return name;
}

// {"type": "allowed_tools"}: all are shown, some may be called.
void read_allowed(const Fields& choice, AskedTools& out) {
  const Fields in = choice.object("allowed_tools").value_or(choice);
  const auto mode = in.string("mode").value_or("auto");
  if (mode != "auto" && mode != "required") in.wrong("mode", "auto or required");
  out.required = mode == "required";
  const json* list = in.find("tools");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMaxTools)
    in.wrong("tools", "a list of tools");
  for (std::size_t i = 0; i < list->size(); ++i)
    out.callable.push_back(
        function_named(Fields((*list)[i], fmt::format("{}[{}]", in.where("tools"), i)), out.tools));
}

void read_choice(const Fields& body, AskedTools& out) {
  const json* choice = body.find("tool_choice");
  if (choice == nullptr || *choice == "auto") return;
  if (*choice == "none") return out.tools.clear();
  constexpr std::string_view kExpected = "auto, none, required, or a function that is one of the tools";
  const bool required = *choice == "required";
  if (!required && !choice->is_object()) body.wrong("tool_choice", kExpected);
  if (out.tools.empty()) body.wrong("tool_choice", "auto or none, where there are no tools");
  out.choice_field = "tool_choice";
  out.required = true;
  if (required) return;
  const Fields in = *body.object("tool_choice");
  const auto type = in.string("type");
  if (type == "allowed_tools") return read_allowed(in, out);
  if (type != "function") in.wrong("type", "function or allowed_tools");
  out.callable = {function_named(in, out.tools)};
  out.parallel = false;  // OpenAI: "exactly one"; clients refuse a second one
}

}  // namespace

bool AskedTools::may_call(std::size_t tool) const {
  return callable.empty() || std::ranges::find(callable, tools[tool].name) != callable.end();
}

bool AskedTools::held() const {
  return !tools.empty() && (required || !callable.empty() || std::ranges::find(strict, true) != strict.end());
}

std::string read_tool_name(const Fields& function) {
  const auto name = function.string("name");
  if (!name || name->empty() || name->size() > kMaxToolName ||
      name->find_first_not_of(kNameLetters) != std::string::npos)
    function.wrong("name", fmt::format("1 to {} letters, digits, _, - or .", kMaxToolName));
  return *name;
}

AskedTools read_tools(const Fields& body, const ServedModel& model, std::string_view text) {
  AskedTools out;
  out.parallel = body.boolean("parallel_tool_calls").value_or(true);
  const json* list = body.find("tools");
  if (list == nullptr) {
    read_choice(body, out);
    return out;
  }
  if (!list->is_array() || list->size() > kMaxTools)
    body.wrong("tools", fmt::format("a list of at most {} tools", kMaxTools));
  std::vector<std::string> definitions = definitions_of(*list, text);
  std::set<std::string> names;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields tool((*list)[i], fmt::format("tools[{}]", i));
    out.tools.push_back(tool_of(tool, std::move(definitions[i]), out.strict));
    if (!names.insert(out.tools.back().name).second)
      throw invalid_value(tool.where("function.name"),
                          fmt::format("{} is \"{}\", which another tool is called too",
                                      tool.where("function.name"), out.tools.back().name));
  }
  read_choice(body, out);
  const auto& format = model.prompt.format();
  if (!out.tools.empty() && format && !format->has_tools())
    throw ApiError(
        400, "unsupported_parameter",
        fmt::format("tools are given, which cannot be done: the chat format {} has none", format->name()),
        "tools");
  return out;
}

std::vector<ToolCall> read_tool_calls(const Fields& message) {
  std::vector<ToolCall> out;
  const json* list = message.find("tool_calls");
  if (list == nullptr) return out;
  if (!list->is_array() || list->size() > kMaxTools)
    message.wrong("tool_calls", fmt::format("a list of at most {} calls", kMaxTools));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields call((*list)[i], fmt::format("{}[{}]", message.where("tool_calls"), i));
    const auto function = call.object("function");
    if (!function) call.wrong("function", "an object");
    ToolCall one{.id = call.string("id").value_or(""), .name = read_tool_name(*function), .arguments = "{}"};
    // A string is OpenAI's form; some clients send the object itself.
    if (const json* arguments = function->find("arguments")) {
      if (!arguments->is_string() && !arguments->is_object()) function->wrong("arguments", "a string");
      one.arguments = arguments->is_string() ? arguments->get<std::string>() : json_text(*arguments);
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace dsa::server
