// Anthropic's bodies are written anew as OpenAI's: one way to a request.
#include <algorithm>

#include "base/json.h"
#include "base/json_layout.h"
#include "server/anthropic.h"
#include "server/request_fields.h"
#include "server/tool_fields.h"

namespace dsa::server {
namespace {

using nlohmann::json;

[[noreturn]] void cannot_read(const Fields& block, std::string_view type) {
  throw ApiError(
      400, "unsupported_parameter",
      fmt::format("{} is \"{}\", which cannot be read: messages are texts, thinking, calls of tools "
                  "and their results",
                  block.where("type"), printable(std::string(type), 40)),
      block.where("type"));
}

// A value of the body as it was sent, if the text says where it is.
std::string as_sent(const json& value, std::string_view sent) {
  return sent.empty() ? json_text(value) : std::string(sent);
}
std::string_view element(const std::vector<JsonItem>& items, std::size_t i) {
  return i < items.size() ? items[i].value : std::string_view();
}

const json& list_of_blocks(const Fields& of, std::string_view field) {
  const json* content = of.find(field);
  if (content == nullptr || !(content->is_string() || content->is_array()))
    of.wrong(field, "a string or a list of blocks");
  return *content;
}

// A string, or a list of blocks that are text alone.
std::string text_of(const Fields& of, std::string_view field) {
  const json& content = list_of_blocks(of, field);
  if (content.is_string()) return content.get<std::string>();
  std::string out;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const Fields block(content[i], fmt::format("{}[{}]", of.where(field), i));
    const std::string type = block.string("type").value_or("");
    if (type != "text") cannot_read(block, type);
    const auto piece = block.string("text");
    if (!piece) block.wrong("text", "a string");
    out += *piece;
  }
  return out;
}

// A message taken apart, as messages of OpenAI's: each result of a tool is one.
class MessageBlocks {
 public:
  MessageBlocks(const Fields& message, std::string role, std::string_view sent, json& out)
      : role_(std::move(role)), sent_(json_items(json_member(sent, "content"))), out_(out) {
    const json& content = list_of_blocks(message, "content");
    if (content.is_string()) {
      text_ = content.get<std::string>();
    } else {
      for (std::size_t i = 0; i < content.size(); ++i)
        add(Fields(content[i], fmt::format("{}[{}]", message.where("content"), i)), i);
    }
    if (!said_ || !text_.empty() || !calls_.empty()) flush();
  }

 private:
  void add(const Fields& block, std::size_t i) {
    const std::string type = block.string("type").value_or("");
    if (type == "redacted_thinking") return;
    if (type == "tool_use" && role_ == "assistant") return add_call(block, element(sent_, i));
    if (type == "tool_result" && role_ == "user") return add_result(block);
    const std::string_view name = type == "thinking" ? "thinking" : "text";
    if (type != name) cannot_read(block, type);
    const auto piece = block.string(name);
    if (!piece) block.wrong(name, "a string");
    (type == "thinking" ? reasoning_ : text_) += *piece;
  }

  void add_call(const Fields& block, std::string_view sent) {
    const auto input = block.object("input");
    if (!input) block.wrong("input", "an object");
    calls_.push_back({{"id", block.string("id").value_or("")},
                      {"type", "function"},
                      {"function",
                       {{"name", read_tool_name(block)},
                        {"arguments", as_sent(input->json(), json_member(sent, "input"))}}}});
  }

  void add_result(const Fields& block) {
    if (!text_.empty()) flush();
    said_ = true;
    const bool has_content = block.find("content") != nullptr;
    out_.push_back({{"role", "tool"},
                    {"tool_call_id", block.string("tool_use_id").value_or("")},
                    {"content", has_content ? text_of(block, "content") : ""}});
  }

  void flush() {
    json one{{"role", role_}, {"content", std::exchange(text_, {})}};
    if (!reasoning_.empty()) one["reasoning_content"] = std::exchange(reasoning_, {});
    if (!calls_.empty()) one["tool_calls"] = std::exchange(calls_, json::array());
    out_.push_back(std::move(one));
    said_ = true;
  }

  std::string role_;
  std::vector<JsonItem> sent_;  // the content's blocks
  json& out_;
  bool said_ = false;  // something is in out_
  std::string text_, reasoning_;
  json calls_ = json::array();
};

json messages_of(const Fields& body, std::string_view sent, std::span<const VolatileLine> lines,
                 SetAside& aside) {
  json out = json::array();
  if (body.find("system") != nullptr)
    if (const auto system = set_aside(text_of(body, "system"), lines, aside); !system.empty())
      out.push_back({{"role", "system"}, {"content", system}});
  const json* list = body.find("messages");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMaxMessages)
    body.wrong("messages", fmt::format("a list of 1 to {} messages", kMaxMessages));
  const auto texts = json_items(json_member(sent, "messages"));
  std::string role;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields message((*list)[i], fmt::format("messages[{}]", i));
    role = message.string("role").value_or("");
    if (role != "user" && role != "assistant" && role != "system") message.wrong("role", "user or assistant");
    MessageBlocks(message, role, element(texts, i), out);
  }
  // An answer that goes on with what the client wrote of it.
  if (role == "assistant") out.back()["prefix"] = true;
  return out;
}

// The tools as OpenAI's, as text; those that Anthropic's own servers would run are left out.
std::string tools_of(const Fields& body, std::string_view sent) {
  const json* list = body.find("tools");
  if (list == nullptr) return "";
  if (!list->is_array() || list->size() > kMaxTools)
    body.wrong("tools", fmt::format("a list of at most {} tools", kMaxTools));
  const auto texts = json_items(json_member(sent, "tools"));
  std::string out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields tool((*list)[i], fmt::format("tools[{}]", i));
    if (tool.string("type").value_or("custom") != "custom") continue;
    const auto schema = tool.object("input_schema");
    if (!schema) tool.wrong("input_schema", "an object");
    out += fmt::format(
        R"({}{{"type": "function", "function": {{"name": {}, "description": {}, "parameters": {}{}}}}})",
        out.empty() ? "" : ", ", json_quoted(read_tool_name(tool)),
        json_quoted(tool.string("description").value_or("")),
        as_sent(schema->json(), json_member(element(texts, i), "input_schema")),
        tool.boolean("strict").value_or(false) ? R"(, "strict": true)" : "");
  }
  return fmt::format(R"({{"tools": [{}]}})", out);
}

void read_tool_choice(const Fields& body, json& chat) {
  const auto choice = body.object("tool_choice");
  if (!choice) return;
  const std::string type = choice->string("type").value_or("");
  if (type == "tool")
    chat["tool_choice"] = {{"type", "function"}, {"function", {{"name", read_tool_name(*choice)}}}};
  else if (type != "none" && type != "auto" && type != "any")
    choice->wrong("type", "auto, any, tool or none");
  else
    chat["tool_choice"] = type == "any" ? "required" : type;
  if (const auto single = choice->boolean("disable_parallel_tool_use"))
    chat["parallel_tool_calls"] = !*single;
}

// Thinking that the model cannot do is not asked of it: clients send it with every request.
void read_thinking(const Fields& body, const ServedModel& model, json& chat, std::int64_t& budget) {
  const auto thinking = body.object("thinking");
  if (!thinking) return;
  const std::string type = thinking->string("type").value_or("");
  if (type != "enabled" && type != "disabled" && type != "adaptive")
    thinking->wrong("type", "enabled, disabled or adaptive");
  if (type == "enabled") budget = thinking->integer("budget_tokens", 1, model.context).value_or(-1);
  if (type != "adaptive" && model.prompt.format() && model.prompt.format()->can_think())
    chat["thinking"] = {{"type", type}};
}

}  // namespace

bool is_anthropic(std::string_view path) { return path == "/messages" || path.starts_with("/messages/"); }

std::size_t find_anthropic_model(std::span<const ModelCard> cards, std::string_view id) {
  const bool served = std::ranges::find(cards, id, &ModelCard::id) != cards.end();
  return find_model(cards, !served && id.starts_with("claude") ? "" : id);
}

MessagesCall read_messages(const Fields& body, const ServedModel& model, bool counting, std::string_view text,
                           std::span<const VolatileLine> volatile_lines) {
  refuse_trace(body);
  MessagesCall out;
  std::int64_t budget = -1;
  json chat{{"messages", messages_of(body, text, volatile_lines, out.aside)}};
  const std::string tools = tools_of(body, text);
  if (!tools.empty()) chat.update(parse_body(tools));
  read_tool_choice(body, chat);
  read_thinking(body, model, chat, budget);
  if (!counting) {
    if (!body.integer("max_tokens", 1, std::numeric_limits<std::int64_t>::max()))
      body.wrong("max_tokens", "a whole number of 1 or more");
    chat["max_tokens"] = *body.find("max_tokens");
  }
  for (const auto* name : {"temperature", "top_p", "top_k", "stream", "dsa"})
    if (const json* value = body.find(name)) chat[name] = *value;
  if (const json* stops = body.find("stop_sequences")) chat["stop"] = *stops;
  out.chat = read_chat(Fields(chat), model, tools);
  Request& request = out.chat.plan.requests.front();
  if (budget >= 0 && out.chat.shape.begins_in_reasoning && !request.thinking)
    request.thinking = ThinkingBudget{
        budget, model.tokenizer.encode(model.prompt.format()->reasoning()->end, SpecialTokens::parse)};
  return out;
}

}  // namespace dsa::server
