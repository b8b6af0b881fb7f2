#include "server/openai_chat.h"

#include <chrono>

#include "base/json.h"
#include "server/request_fields.h"
#include "server/tool_fields.h"
#include "server/trace_json.h"

namespace dsa::server {
namespace {

using nlohmann::json;

Role role_of(const Fields& message) {
  const auto role = message.string("role");
  if (role == "user") return Role::user;
  if (role == "assistant") return Role::assistant;
  if (role == "system" || role == "developer") return Role::system;
  if (role == "tool") return Role::tool;
  message.wrong("role", "system, developer, user, assistant or tool");
}

// A string, or a list of parts, of which we take text alone.
std::string content_of(const Fields& message, Role role) {
  const json* content = message.find("content");
  if (content == nullptr && role == Role::assistant) return "";
  if (content == nullptr || !(content->is_string() || content->is_array()))
    message.wrong("content", "a string or a list of parts");
  if (content->is_string()) return content->get<std::string>();
  std::string text;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const Fields part((*content)[i], fmt::format("{}[{}]", message.where("content"), i));
    if (part.string("type") != "text") part.wrong("type", "text: no other kind of content can be read");
    const auto piece = part.string("text");
    if (!piece) part.wrong("text", "a string");
    text += *piece;
  }
  return text;
}

std::vector<ChatMessage> messages_of(const Fields& body) {
  const json* list = body.find("messages");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMaxMessages)
    body.wrong("messages", fmt::format("a list of 1 to {} messages", kMaxMessages));
  std::vector<ChatMessage> messages;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Fields message((*list)[i], fmt::format("messages[{}]", i));
    const Role role = role_of(message);
    ChatMessage out{.role = role, .content = content_of(message, role)};
    const bool last_answer = i + 1 == list->size() && role == Role::assistant;
    if (message.boolean("prefix").value_or(false) && !last_answer)
      message.wrong("prefix", "false: the last message alone can be continued, if it is the assistant's");
    const auto reasoning = message.string("reasoning_content");
    std::vector<ToolCall> calls = read_tool_calls(message);
    (void)message.string("tool_call_id");
    if (out.role == Role::assistant) {
      out.reasoning = reasoning;
      out.tool_calls = std::move(calls);
    }
    messages.push_back(std::move(out));
  }
  return messages;
}

// DeepSeek's word, vLLM's and OpenAI's for the same thing; the first that is there counts.
Thinking thinking_of(const Fields& body) {
  if (const auto thinking = body.object("thinking")) {
    const auto type = thinking->string("type");
    if (type == "enabled") return Thinking::on;
    if (type == "disabled") return Thinking::off;
    thinking->wrong("type", "enabled or disabled");
  }
  if (const auto kwargs = body.object("chat_template_kwargs"))
    for (const auto* name : {"enable_thinking", "thinking"})
      if (const auto on = kwargs->boolean(name)) return *on ? Thinking::on : Thinking::off;
  if (body.string("reasoning_effort") == "none") return Thinking::off;
  return Thinking::model_default;
}

void read_log_probs(const Fields& body, ChatCall& call, Request& request) {
  call.log_probs = body.boolean("logprobs").value_or(false);
  const auto top = body.integer("top_logprobs", 0, kMaxLogProbs);
  if (top && !call.log_probs)
    throw invalid_value("top_logprobs", "top_logprobs is given, expected only where logprobs is true");
  if (call.log_probs) request.log_probs = static_cast<std::int32_t>(top.value_or(0));
}

// The tokens that end the reasoning.
std::vector<std::int32_t> reasoning_end(const ServedModel& model) {
  return model.tokenizer.encode(model.prompt.format()->reasoning()->end, SpecialTokens::parse);
}

void read_thinking_budget(const Fields& body, const ServedModel& model, bool begins_in_reasoning,
                          Request& request) {
  const auto dsa = body.object("dsa");
  if (!dsa) return;
  const auto budget = dsa->integer("thinking_budget", 0, model.context);
  if (!budget) return;
  if (!begins_in_reasoning)
    throw invalid_value("dsa.thinking_budget",
                        "dsa.thinking_budget is given, expected only where the answer begins with reasoning");
  request.thinking = ThinkingBudget{*budget, reasoning_end(model)};
}

// DeepSeek's word, in the last message, and vLLM's.
bool continues(const Fields& body) {
  if (body.boolean("continue_final_message").value_or(false)) return true;
  return Fields(body.find("messages")->back()).boolean("prefix").value_or(false);
}

// Bounded: each token's selections are as large as top-k times the layers.
void read_trace(const Fields& body, const ServedModel& model, Request& request) {
  const auto dsa = body.object("dsa");
  const auto trace = dsa ? dsa->object("trace") : std::nullopt;
  if (!trace) return;
  for (const auto& [key, value] : trace->json().items())
    if (key != "tokens")
      throw ApiError(400, "unknown_parameter",
                     fmt::format("dsa.trace.{} is not known, expected tokens", printable(key, 40)),
                     "dsa.trace." + printable(key, 40));
  if (model.topk == 0) throw invalid_value("dsa.trace", "dsa.trace is given, but this model has no indexer");
  request.traced_tokens = trace->integer("tokens", 1, kMaxTraced).value_or(kMaxTraced);
}

std::string today() {
  return chat_date(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
}

}  // namespace

ChatCall read_chat(const Fields& body, const ServedModel& model, std::string_view text) {
  if (!model.prompt.format())
    throw ApiError(
        400, "unsupported_parameter",
        "this model has no chat format: ask /v1/completions, or start the server with a chat format",
        "messages");
  ChatCall call;
  Request request;
  const std::vector<ChatMessage> messages = messages_of(body);
  read_common(body, model, request, call.plan);
  read_log_probs(body, call, request);
  AskedTools asked = read_tools(body, model, text);
  std::size_t bytes = 0;
  for (const ChatMessage& message : messages) bytes += message.content.size();
  for (const ChatTool& tool : asked.tools) bytes += tool.definition.size();
  check_text_size(bytes, model, "messages");
  call.shape.tools = asked.tools;
  call.shape.parallel = asked.parallel;
  // The marks of a call are special tokens in some vocabularies.
  request.show_special = !call.shape.tools.empty();
  const ChatOptions options{.thinking = thinking_of(body),
                            .date = today(),
                            .tools = call.shape.tools,
                            .continue_last = continues(body)};
  try {
    request.prompt = model.prompt.encode(messages, options);
    call.shape.begins_in_reasoning = model.prompt.begins_in_reasoning(messages, options);
  } catch (const Error& error) {
    throw invalid_value("messages", error.what());
  }
  model.kept_calls->restore(messages, model.tokenizer, request.prompt);
  check_room(request, model, "messages");
  if (!call.shape.tools.empty()) call.shape.prompt = mark_of(request.prompt);
  read_thinking_budget(body, model, call.shape.begins_in_reasoning, request);
  call.plan.structure = read_structure(body, text);
  const bool may_reason = model.prompt.format()->thinks(options.thinking) && !call.shape.begins_in_reasoning;
  if (asked.held() && options.continue_last)
    throw invalid_value("messages",
                        "the last message is to be continued, which no answer does that is held to "
                        "calls of tools: leave out tool_choice and strict");
  hold_to_calls(asked, model, may_reason, call.plan);
  // What is reasoned has no structure.
  if (call.plan.structure && call.shape.begins_in_reasoning && !request.thinking)
    request.thinking = ThinkingBudget{-1, reasoning_end(model)};
  read_trace(body, model, request);
  call.plan.requests.push_back(std::move(request));
  return call;
}

}  // namespace dsa::server
