// Anthropic's bodies are written anew as OpenAI's: one way to a request.
#include <algorithm>
#include <array>

#include "base/json.h"
#include "server/anthropic.h"
#include "server/request_fields.h"

namespace dsa::server {
namespace {

using nlohmann::json;

// Lines that known clients put near the front of their system prompt and change with every request.
constexpr std::array<std::string_view, 1> kVolatile{"x-anthropic-billing-header:"};

// `text` without volatile lines; what those begin with is noted.
std::string without_volatile(std::string_view text, std::string& dropped) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    const auto* found =
        std::ranges::find_if(kVolatile, [&](std::string_view begin) { return line.starts_with(begin); });
    if (found == kVolatile.end())
      out += line;
    else
      dropped = found->substr(0, found->size() - 1);
    text.remove_prefix(end);
  }
  return out;
}

[[noreturn]] void cannot_read(const Fields& block, std::string_view type) {
  throw ApiError(400, "unsupported_parameter",
                 fmt::format("{} is \"{}\", which cannot be read: messages are texts, and this server calls "
                             "no tools",
                             block.where("type"), printable(std::string(type), 40)),
                 block.where("type"));
}

struct Content {
  std::string text, reasoning;
};

// A string, or a list of blocks.
Content content_of(const Fields& of, std::string_view field) {
  const json* content = of.find(field);
  if (content == nullptr || !(content->is_string() || content->is_array()))
    of.wrong(field, "a string or a list of blocks");
  Content out;
  if (content->is_string()) {
    out.text = content->get<std::string>();
    return out;
  }
  for (std::size_t i = 0; i < content->size(); ++i) {
    const Fields block((*content)[i], fmt::format("{}[{}]", of.where(field), i));
    const std::string type = block.string("type").value_or("");
    if (type == "redacted_thinking") continue;
    const std::string_view name = type == "thinking" ? "thinking" : "text";
    if (type != name) cannot_read(block, type);
    const auto piece = block.string(name);
    if (!piece) block.wrong(name, "a string");
    (type == "thinking" ? out.reasoning : out.text) += *piece;
  }
  return out;
}

json messages_of(const Fields& body, std::string& dropped) {
  json out = json::array();
  if (body.find("system") != nullptr)
    if (const auto system = without_volatile(content_of(body, "system").text, dropped); !system.empty())
      out.push_back({{"role", "system"}, {"content", system}});
  const json* list = body.find("messages");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMaxMessages)
    body.wrong("messages", fmt::format("a list of 1 to {} messages", kMaxMessages));
  std::string role;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields message((*list)[i], fmt::format("messages[{}]", i));
    role = message.string("role").value_or("");
    if (role != "user" && role != "assistant" && role != "system") message.wrong("role", "user or assistant");
    Content content = content_of(message, "content");
    json one{{"role", role}, {"content", std::move(content.text)}};
    if (!content.reasoning.empty()) one["reasoning_content"] = std::move(content.reasoning);
    out.push_back(std::move(one));
  }
  if (role == "assistant")
    throw ApiError(400, "unsupported_parameter",
                   "the last message is the assistant's, which cannot be gone on with: an answer begins a "
                   "message of its own",
                   "messages");
  return out;
}

void refuse_tools(const Fields& body) {
  const auto choice = body.object("tool_choice");
  if (!choice) return;
  const std::string type = choice->string("type").value_or("");
  if (type == "any" || type == "tool")
    throw ApiError(400, "unsupported_parameter",
                   fmt::format("tool_choice is {}, which cannot be done: this server calls no tools", type),
                   "tool_choice");
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

const ServedModel& find_anthropic_model(std::span<const ServedModel> models, std::string_view id) {
  const bool served = std::ranges::find(models, id, &ServedModel::id) != models.end();
  return find_model(models, !served && id.starts_with("claude") ? "" : id);
}

MessagesCall read_messages(const Fields& body, const ServedModel& model, bool counting) {
  MessagesCall out;
  std::int64_t budget = -1;
  refuse_tools(body);
  json chat{{"messages", messages_of(body, out.dropped)}};
  read_thinking(body, model, chat, budget);
  if (!counting) {
    if (!body.integer("max_tokens", 1, std::numeric_limits<std::int64_t>::max()))
      body.wrong("max_tokens", "a whole number of 1 or more");
    chat["max_tokens"] = *body.find("max_tokens");
  }
  for (const auto* name : {"temperature", "top_p", "top_k", "stream", "dsa"})
    if (const json* value = body.find(name)) chat[name] = *value;
  if (const json* stops = body.find("stop_sequences")) chat["stop"] = *stops;
  out.chat = read_chat(Fields(chat), model);
  Request& request = out.chat.plan.requests.front();
  if (budget >= 0 && out.chat.begins_in_reasoning && !request.thinking)
    request.thinking = ThinkingBudget{
        budget, model.tokenizer.encode(model.prompt.format()->reasoning()->end, SpecialTokens::parse)};
  return out;
}

}  // namespace dsa::server
