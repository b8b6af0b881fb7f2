// Bodies are written anew as chat's: one way to a request.
#include "base/json.h"
#include "base/json_layout.h"
#include "server/request_fields.h"
#include "server/response_items.h"
#include "server/responses.h"
#include "server/tool_fields.h"

namespace dsa::server {
namespace {

using nlohmann::json;

// A string, or a list of parts of which we take text alone.
std::string text_of_parts(const Fields& of, std::string_view field) {
  const json* content = of.find(field);
  if (content == nullptr || !(content->is_string() || content->is_array()))
    of.wrong(field, "a string or a list of parts");
  if (content->is_string()) return content->get<std::string>();
  std::string out;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const Fields part((*content)[i], fmt::format("{}[{}]", of.where(field), i));
    const std::string type = part.string("type").value_or("");
    if (type != "input_text" && type != "output_text" && type != "text" && type != "reasoning_text")
      part.wrong("type", "input_text or output_text: no other kind of content can be read");
    const auto piece = part.string("text");
    if (!piece) part.wrong("text", "a string");
    out += *piece;
  }
  return out;
}

// Items to messages: an answer's reasoning, text and calls, each an item here, are one message there.
class Conversation {
 public:
  /// `before`: messages that it goes on from.
  Conversation(const Fields& body, json before) : messages_(std::move(before)) {
    const json* input = body.find("input");
    if (input == nullptr || !(input->is_string() || input->is_array()) || input->empty() || *input == "")
      body.wrong("input", "a string or a list of items");
    if (input->is_string()) {
      messages_.push_back({{"role", "user"}, {"content", *input}});
      return;
    }
    if (input->size() > kMaxMessages)
      body.wrong("input", fmt::format("a list of at most {} items", kMaxMessages));
    for (std::size_t i = 0; i < input->size(); ++i) add(Fields((*input)[i], fmt::format("input[{}]", i)));
  }
  json take() { return std::move(messages_); }

 private:
  void add(const Fields& item) {
    const std::string type = item.string("type").value_or("message");
    if (type == "message") return add_message(item);
    if (type == "function_call") return add_call(item);
    if (type == "function_call_output") {
      answer_ = false;
      messages_.push_back({{"role", "tool"},
                           {"tool_call_id", item.string("call_id").value_or("")},
                           {"content", text_of_parts(item, "output")}});
      return;
    }
    if (type != "reasoning") item.wrong("type", "message, function_call, function_call_output or reasoning");
    if (item.find("content") != nullptr)
      answer(/*anew=*/true)["reasoning_content"] = text_of_parts(item, "content");
  }

  void add_message(const Fields& item) {
    const std::string role = item.string("role").value_or("");
    if (role != "user" && role != "assistant" && role != "system" && role != "developer")
      item.wrong("role", "system, developer, user or assistant");
    if (role == "assistant") {
      json& message = answer(/*anew=*/!answer_ || messages_.back().contains("tool_calls") ||
                             messages_.back().value("content", "") != "");
      message["content"] = text_of_parts(item, "content");
      return;
    }
    answer_ = false;
    messages_.push_back({{"role", role}, {"content", text_of_parts(item, "content")}});
  }

  void add_call(const Fields& item) {
    const auto arguments = item.string("arguments");
    if (!arguments) item.wrong("arguments", "a string");
    answer(/*anew=*/false)["tool_calls"].push_back(
        {{"id", item.string("call_id").value_or("")},
         {"type", "function"},
         {"function", {{"name", read_tool_name(item)}, {"arguments", *arguments}}}});
  }

  // The message that an item of the assistant's belongs to.
  json& answer(bool anew) {
    if (anew || !answer_) messages_.push_back({{"role", "assistant"}, {"content", ""}});
    answer_ = true;
    return messages_.back();
  }

  json messages_ = json::array();
  bool answer_ = false;  // the last message is one that may go on
};

// The tools as chat's, as text; those that OpenAI's own servers would run are left out.
std::string function_tools(const Fields& body, std::string_view sent) {
  const json* list = body.find("tools");
  if (list == nullptr) return "";
  if (!list->is_array() || list->size() > kMaxTools)
    body.wrong("tools", fmt::format("a list of at most {} tools", kMaxTools));
  const auto texts = json_items(json_member(sent, "tools"));
  std::string out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields tool((*list)[i], fmt::format("tools[{}]", i));
    if (tool.string("type").value_or("function") != "function") continue;
    const auto parameters = tool.object("parameters");
    std::string schema = parameters ? json_text(parameters->json()) : "{}";
    if (parameters && i < texts.size())
      if (const auto text = json_member(texts[i].value, "parameters"); !text.empty()) schema = text;
    out += fmt::format(
        R"({}{{"type": "function", "function": {{"name": {}, "description": {}, "parameters": {}{}}}}})",
        out.empty() ? "" : ", ", json_quoted(read_tool_name(tool)),
        json_quoted(tool.string("description").value_or("")), schema,
        tool.boolean("strict").value_or(false) ? R"(, "strict": true)" : "");
  }
  return fmt::format(R"("tools": [{}])", out);
}

// text.format as chat's response_format, as text.
std::string response_format(const Fields& body, std::string_view sent) {
  const auto text = body.object("text");
  const auto format = text ? text->object("format") : std::nullopt;
  if (!format) return "";
  const std::string type = format->string("type").value_or("text");
  if (type == "text") return "";
  if (type == "json_object") return R"("response_format": {"type": "json_object"})";
  if (type != "json_schema") format->wrong("type", "text, json_object or json_schema");
  const auto schema = format->object("schema");
  if (!schema) format->wrong("schema", "a JSON schema");
  const auto as_sent = json_member(json_member(json_member(sent, "text"), "format"), "schema");
  return fmt::format(R"("response_format": {{"type": "json_schema", "json_schema": {{"schema": {}}}}})",
                     as_sent.empty() ? json_text(schema->json()) : as_sent);
}

void refuse_what_cannot_be_done(const Fields& body) {
  for (const auto* name : {"conversation", "background", "prompt"})
    if (const json* value = body.find(name); value != nullptr && *value != false)
      throw ApiError(400, "unsupported_parameter",
                     fmt::format("{} is {}, which cannot be done: go on from a response by "
                                 "previous_response_id, or send the whole conversation as input",
                                 name, shown(*value)),
                     name);
}

// What a response that this one goes on from was answered to, and its answer.
struct Before {
  json messages = json::array();
  json items = json::array();
};
Before read_before(const Fields& body, const ResponseShelf& shelf) {
  const auto id = body.string("previous_response_id");
  if (!id) return {};
  const auto found = shelf.kept != nullptr ? shelf.kept->find(*id, shelf.owner) : std::nullopt;
  if (!found)
    throw ApiError(
        400, "previous_response_not_found",
        fmt::format("there is no response \"{}\" to go on from: it was not stored, is another key's, "
                    "was dropped, or the server was started anew since; send the whole conversation "
                    "as input",
                    printable(*id, 100)),
        "previous_response_id");
  json items = parse_body(found->items);
  const json answer = parse_body(found->body);
  for (const json& item : answer.at("output")) items.push_back(item);
  return {.messages = parse_body(found->messages), .items = std::move(items)};
}

json with_instructions(const Fields& body, const json& messages) {
  const auto instructions = body.string("instructions");
  if (!instructions || instructions->empty()) return messages;
  json out = json::array({{{"role", "system"}, {"content", *instructions}}});
  out.insert(out.end(), messages.begin(), messages.end());
  return out;
}

}  // namespace

ResponsesCall read_responses(const Fields& body, const ServedModel& model, std::string_view text,
                             const ResponseShelf& shelf) {
  refuse_what_cannot_be_done(body);
  refuse_trace(body);
  Before before = read_before(body, shelf);
  const json messages = Conversation(body, std::move(before.messages)).take();
  json chat{{"messages", with_instructions(body, messages)}};
  std::string rewritten = function_tools(body, text);
  if (const std::string format = response_format(body, text); !format.empty())
    rewritten.append(rewritten.empty() ? "" : ", ").append(format);
  rewritten = fmt::format("{{{}}}", rewritten);
  chat.update(parse_body(rewritten));
  if (body.find("max_output_tokens") != nullptr)
    chat["max_tokens"] = *body.integer("max_output_tokens", 1, std::numeric_limits<std::int64_t>::max());
  for (const auto* name :
       {"temperature", "top_p", "stream", "tool_choice", "parallel_tool_calls", "dsa", "seed"})
    if (const json* value = body.find(name)) chat[name] = *value;
  if (const auto reasoning = body.object("reasoning"))
    if (const auto effort = reasoning->string("effort")) chat["reasoning_effort"] = *effort;
  ResponsesCall out{.chat = read_chat(Fields(chat), model, rewritten),
                    .asked = {},
                    .store = shelf.kept != nullptr && body.boolean("store").value_or(true),
                    .messages = {},
                    .items = {}};
  if (out.store) {
    out.messages = json_text(messages);
    for (json& item : items_of_input(*body.find("input"), model)) before.items.push_back(std::move(item));
    out.items = json_text(before.items);
  }
  json asked = json::object();
  for (const auto* name : {"instructions", "max_output_tokens", "temperature", "top_p", "tools",
                           "tool_choice", "parallel_tool_calls", "metadata", "previous_response_id"})
    if (const json* value = body.find(name)) asked[name] = *value;
  asked["store"] = out.store;
  out.asked = json_text(asked);
  return out;
}

}  // namespace dsa::server
