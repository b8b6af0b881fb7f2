#include "server/openapi.h"

#include "base/json.h"
#include "sampling/sampling_params.h"
#include "sampling/stop_matcher.h"
#include "server/request_fields.h"
#include "server/response_items.h"
#include "server/tool_fields.h"
#include "server/trace_json.h"

namespace dsa::server {
namespace {

using Json = nlohmann::ordered_json;

Json typed(const char* type) { return {{"type", Json::array({type, "null"})}}; }
Json text(const char* description) {
  Json out = typed("string");
  out["description"] = description;
  return out;
}
Json flag(const char* description) {
  Json out = typed("boolean");
  out["description"] = description;
  return out;
}
Json whole(std::int64_t min, std::int64_t max, const char* description) {
  Json out = typed("integer");
  out["minimum"] = min;
  out["maximum"] = max;
  out["description"] = description;
  return out;
}
Json one_of(std::initializer_list<const char*> words) { return {{"type", "string"}, {"enum", words}}; }
Json object(Json properties, Json required = Json::array()) {
  Json out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}
Json list_of(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }
Json reference(const char* name) { return {{"$ref", std::string("#/components/schemas/") + name}}; }

// What both APIs have (server/request_fields.h).
Json common_fields() {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  Json fields{{"model", text("an id of /v1/models; without it the first")}};
  for (const SamplingRange& range : sampling_ranges()) {
    Json row = typed(range.name == "top_k" ? "integer" : "number");
    row["minimum"] = range.name == "top_k" ? -1 : range.min;
    row["maximum"] = range.max;
    row["description"] = range.hint;
    fields[std::string(range.name)] = std::move(row);
  }
  fields["seed"] = typed("integer");
  fields["seed"]["description"] = "the same seed gives the same answer; -1: a different one every time";
  fields["n"] = whole(1, kMaxChoices, "answers");
  fields["max_tokens"] = whole(0, kMost, "of each answer");
  fields["max_completion_tokens"] = whole(0, kMost, "the same, and it goes before");
  fields["min_tokens"] = whole(0, kMost, "before which nothing ends an answer");
  fields["ignore_eos"] = flag("the model's own end ends nothing");
  const Json stop{{"type", "string"}, {"minLength", 1}, {"maxLength", StopMatcher::kMaxStopBytes}};
  Json stops = list_of(stop);
  stops["maxItems"] = StopMatcher::kMaxStops;
  fields["stop"] = {{"anyOf", Json::array({stop, stops, {{"type", "null"}}})}};
  fields["stop_token_ids"] = {{"type", Json::array({"array", "null"})},
                              {"items", {{"type", "integer"}, {"minimum", 0}}},
                              {"maxItems", kMaxBiases}};
  fields["logit_bias"] = {{"type", Json::array({"object", "null"})},
                          {"propertyNames", {{"pattern", "^(0|[1-9][0-9]*)$"}}},
                          {"additionalProperties", {{"type", "number"}, {"minimum", -100}, {"maximum", 100}}},
                          {"maxProperties", kMaxBiases}};
  const Json schema{{"type", Json::array({"object", "string", "null"})}};
  Json named = object({{"name", typed("string")}, {"schema", {{"type", Json::array({"object", "string"})}}}},
                      {"schema"});
  fields["response_format"] =
      object({{"type", one_of({"text", "json_object", "json_schema"})}, {"json_schema", std::move(named)}},
             {"type"});
  fields["response_format"]["type"] = Json::array({"object", "null"});
  for (const auto* name : {"guided_json", "json_schema"}) fields[name] = schema;
  for (const auto* name : {"guided_regex", "guided_grammar", "grammar"})
    fields[name] = text("the whole answer is of it");
  fields["guided_choice"] = {{"type", Json::array({"array", "null"})},
                             {"items", {{"type", "string"}, {"minLength", 1}}}};
  fields["stream"] = flag("the answer as server-sent events");
  fields["stream_options"] = {{"type", Json::array({"object", "null"})},
                              {"properties", {{"include_usage", flag("a last event tells the usage")}}}};
  fields["dsa"] = reference("DsaRequest");
  return fields;
}

Json nullable(Json schema) {
  schema["type"] = Json::array({schema["type"], "null"});
  return schema;
}

Json tool_name() {
  return {
      {"type", "string"}, {"minLength", 1}, {"maxLength", kMaxToolName}, {"pattern", "^[a-zA-Z0-9_.-]+$"}};
}
Json tools_of(Json tool) {
  Json out = nullable(list_of(std::move(tool)));
  out["maxItems"] = kMaxTools;
  out["description"] = "what the model may call";
  return out;
}

// Of the words that need no tool beside them.
Json tool_choice() {
  return {{"enum", {"auto", "none", nullptr}},
          {"description", "with tools also required, a function or allowed_tools"}};
}

Json tool() {
  return object(
      {{"type", {{"enum", {"function", nullptr}}}},
       {"function",
        object({{"name", tool_name()}, {"description", typed("string")}, {"parameters", typed("object")}},
               {"name"})}},
      {"function"});
}
Json tool_call() {
  Json arguments{{"anyOf", Json::array({typed("string"), typed("object")})}};
  return object(
      {{"id", typed("string")},
       {"function", object({{"name", tool_name()}, {"arguments", std::move(arguments)}}, {"name"})}},
      {"function"});
}
// Of Anthropic's; one of another type is passed over.
Json custom_tool() {
  const Json other{{"type", "string"}, {"not", {{"const", "custom"}}}};
  return {{"anyOf", Json::array({object({{"type", {{"enum", {"custom", nullptr}}}},
                                         {"name", tool_name()},
                                         {"description", typed("string")},
                                         {"input_schema", {{"type", "object"}}}},
                                        {"name", "input_schema"}),
                                 object({{"type", other}}, {"type"})})}};
}

Json chat_request() {
  Json fields{{"messages", list_of(reference("Message"))}};
  fields["messages"]["minItems"] = 1;
  fields["messages"]["maxItems"] = kMaxMessages;
  fields.update(common_fields());
  fields["dsa"] = reference("DsaChatRequest");
  fields["logprobs"] = flag("each token with its log-probability");
  fields["top_logprobs"] = whole(0, kMaxLogProbs, "and those of so many best ones; only with logprobs");
  fields["thinking"] = {{"type", Json::array({"object", "null"})},
                        {"properties", {{"type", one_of({"enabled", "disabled"})}}},
                        {"required", {"type"}}};
  fields["tools"] = tools_of(tool());
  fields["tool_choice"] = tool_choice();
  fields["parallel_tool_calls"] = flag("several calls in one answer; default true");
  return object(std::move(fields), {"messages"});
}

Json responses_request() {
  const Json common = common_fields();
  Json items = list_of({{"type", "object"}});
  items["minItems"] = 1;
  items["maxItems"] = kMaxMessages;
  const Json text_input{{"type", "string"}, {"minLength", 1}};
  Json most = typed("integer");
  most["minimum"] = 1;
  Json fields{{"input", {{"anyOf", Json::array({text_input, std::move(items)})}}},
              {"instructions", text("the system message")},
              {"max_output_tokens", std::move(most)},
              {"tools", tools_of(object({{"type", typed("string")}}))},
              {"tool_choice", tool_choice()},
              {"parallel_tool_calls", flag("several calls in one answer; default true")}};
  for (const auto* name : {"model", "temperature", "top_p", "stream", "dsa"}) fields[name] = common[name];
  return object(std::move(fields), {"input"});
}

Json completions_request() {
  const Json ids = list_of({{"type", "integer"}, {"minimum", 0}});
  Json texts = list_of({{"type", "string"}});
  Json lists = list_of(ids);
  texts["maxItems"] = lists["maxItems"] = kMaxPrompts;
  Json fields{{"prompt", {{"anyOf", Json::array({{{"type", "string"}}, texts, ids, lists})}}}};
  fields.update(common_fields());
  fields["echo"] = flag("the prompt is part of the answer");
  fields["logprobs"] =
      whole(0, kMaxLogProbs, "each token with its log-probability and those of so many best ones");
  return object(std::move(fields), {"prompt"});
}

Json messages_request(bool counting) {
  const Json string{{"type", "string"}};
  const Json block = object({{"type", one_of({"text"})}, {"text", string}}, {"type", "text"});
  const Json texts{{"anyOf", Json::array({string, list_of(block), {{"type", "null"}}})}};
  const Json call = object({{"type", one_of({"tool_use"})},
                            {"id", typed("string")},
                            {"name", tool_name()},
                            {"input", {{"type", "object"}}}},
                           {"type", "name", "input"});
  const Json result = object(
      {{"type", one_of({"tool_result"})}, {"tool_use_id", typed("string")}, {"content", texts}}, {"type"});
  const Json content{
      {"anyOf", Json::array({string, list_of({{"anyOf", Json::array({block, call, result})}})})}};
  Json fields{{"system", texts},
              {"messages", list_of(object({{"role", one_of({"user", "assistant"})}, {"content", content}},
                                          {"role", "content"}))},
              {"model", {{"type", Json::array({"string", "null"})}}},
              {"tools", tools_of(custom_tool())},
              {"tool_choice", nullable(object({{"type", one_of({"auto", "none"})},
                                               {"disable_parallel_tool_use", flag("one call at most")}},
                                              {"type"}))}};
  fields["messages"]["minItems"] = 1;
  fields["messages"]["maxItems"] = kMaxMessages;
  if (counting) return object(std::move(fields), {"messages"});
  const Json common = common_fields();
  for (const auto* name : {"temperature", "top_p", "top_k", "stream", "dsa"}) fields[name] = common[name];
  fields["stop_sequences"] = common["stop"];
  fields["max_tokens"] = whole(1, std::numeric_limits<std::int32_t>::max(), "of the answer, at most");
  fields["max_tokens"]["type"] = "integer";
  fields["max_tokens"].erase("maximum");
  return object(std::move(fields), {"messages", "max_tokens"});
}

Json schemas() {
  const Json number{{"type", "number"}}, integer{{"type", "integer"}}, string{{"type", "string"}};
  const Json any_string{{"type", Json::array({"string", "null"})}};
  Json part = object({{"type", one_of({"text"})}, {"text", string}}, {"type", "text"});
  Json message = object({{"role", one_of({"system", "developer", "user", "assistant", "tool"})},
                         {"content", {{"anyOf", Json::array({string, list_of(std::move(part))})}}},
                         {"reasoning_content", typed("string")},
                         {"tool_calls", tools_of(tool_call())},
                         {"tool_call_id", typed("string")}},
                        {"role", "content"});
  Json dsa = object(
      {{"attention", {{"enum", {"auto", "dense", "sparse", nullptr}}}},
       {"top_k", whole(1, std::numeric_limits<std::int32_t>::max(), "tokens that attention selects")},
       {"progress", flag("events tell how far the prompt is read")},
       {"resumable", flag("a stream that can be taken up again; only with stream")},
       {"stop_repetition", flag("an answer that goes round in circles is ended")},
       {"thinking_budget", whole(0, std::numeric_limits<std::int32_t>::max(), "tokens of reasoning")}});
  dsa["type"] = Json::array({"object", "null"});
  dsa["additionalProperties"] = false;
  Json chat_dsa = dsa;
  chat_dsa["properties"]["trace"] =
      object({{"tokens", whole(1, kMaxTraced, "of each answer; without it, all of these")}});
  const Json usage = object({{"prompt_tokens", integer},
                             {"completion_tokens", integer},
                             {"total_tokens", integer},
                             {"prompt_cache_hit_tokens", integer},
                             {"prompt_cache_miss_tokens", integer},
                             {"prompt_tokens_details", object({{"cached_tokens", integer}})},
                             {"completion_tokens_details", object({{"reasoning_tokens", integer}})},
                             {"dsa", object({{"attention", one_of({"dense", "sparse"})},
                                             {"sparse_rows", integer},
                                             {"dense_rows", integer},
                                             {"speculation", object({{"drafted", integer},
                                                                     {"accepted", integer},
                                                                     {"mtp_drafted", integer},
                                                                     {"mtp_accepted", integer}})}})}},
                            {"prompt_tokens", "completion_tokens", "total_tokens", "dsa"});
  const Json finish{{"type", Json::array({"string", "null"})},
                    {"enum", {"stop", "length", "tool_calls", "repetition", nullptr}}};
  const auto answer = [&](Json choice) {
    return object({{"id", string},
                   {"object", string},
                   {"created", integer},
                   {"model", string},
                   {"choices", list_of(std::move(choice))},
                   {"usage", usage}},
                  {"id", "object", "created", "model", "choices", "usage"});
  };
  const Json model = object({{"id", string},
                             {"object", one_of({"model"})},
                             {"created", integer},
                             {"owned_by", string},
                             {"context_window", integer}},
                            {"id", "object", "created", "owned_by", "context_window"});
  return {
      {"Message", std::move(message)},
      {"DsaRequest", std::move(dsa)},
      {"DsaChatRequest", std::move(chat_dsa)},
      {"ChatRequest", chat_request()},
      {"CompletionsRequest", completions_request()},
      {"ResponsesRequest", responses_request()},
      {"ResponsesAnswer",
       object({{"id", string},
               {"object", one_of({"response"})},
               {"status", one_of({"completed", "incomplete"})},
               {"output",
                list_of(object({{"type", one_of({"message", "reasoning", "function_call"})}}, {"type"}))},
               {"usage",
                object({{"input_tokens", integer}, {"output_tokens", integer}, {"total_tokens", integer}},
                       {"input_tokens", "output_tokens", "total_tokens"})}},
              {"id", "object", "status", "output", "usage"})},
      {"MessagesRequest", messages_request(/*counting=*/false)},
      {"CountRequest", messages_request(/*counting=*/true)},
      {"CountAnswer", object({{"input_tokens", integer}}, {"input_tokens"})},
      {"MessagesAnswer",
       object({{"id", string},
               {"type", one_of({"message"})},
               {"role", one_of({"assistant"})},
               {"content", list_of(object({{"type", one_of({"text", "thinking", "tool_use"})}}, {"type"}))},
               {"stop_reason", string},
               {"usage", object({{"input_tokens", integer},
                                 {"cache_read_input_tokens", integer},
                                 {"output_tokens", integer}},
                                {"input_tokens", "output_tokens"})}},
              {"id", "type", "role", "content", "stop_reason", "usage"})},
      {"TokenizeRequest",
       {{"anyOf", Json::array({object({{"prompt", string}, {"model", any_string}}, {"prompt"}),
                               object({{"messages", list_of(reference("Message"))}, {"model", any_string}},
                                      {"messages"})})}}},
      {"DetokenizeRequest",
       object({{"tokens", list_of({{"type", "integer"}, {"minimum", 0}})}, {"model", any_string}},
              {"tokens"})},
      {"ChatAnswer", answer(object({{"index", integer},
                                    {"message", object({{"role", string},
                                                        {"content", any_string},
                                                        {"reasoning_content", string},
                                                        {"tool_calls", list_of(tool_call())}},
                                                       {"role", "content"})},
                                    {"finish_reason", finish}},
                                   {"index", "message", "finish_reason"}))},
      {"CompletionsAnswer", answer(object({{"index", integer}, {"text", string}, {"finish_reason", finish}},
                                          {"index", "text", "finish_reason"}))},
      {"Tokens", object({{"tokens", list_of(integer)}, {"count", integer}, {"max_model_len", integer}},
                        {"tokens", "count", "max_model_len"})},
      {"Text", object({{"prompt", string}}, {"prompt"})},
      {"Model", model},
      {"Models",
       object({{"object", one_of({"list"})}, {"data", list_of(reference("Model"))}}, {"object", "data"})},
      {"AnthropicError",
       object({{"type", one_of({"error"})},
               {"error", object({{"type", string}, {"message", string}}, {"type", "message"})}},
              {"type", "error"})},
      {"Balance",
       object({{"is_available", {{"type", "boolean"}}},
               {"balance_infos", list_of(object({{"currency", string}, {"total_balance", string}}))}},
              {"is_available", "balance_infos"})},
      {"UsageList", object({{"object", one_of({"list"})},
                            {"data", list_of(object({{"requests", integer}, {"cost", string}}))}},
                           {"object", "data"})},
      {"LoadedModels",
       object({{"object", one_of({"list"})},
               {"memory_bytes", integer},
               {"data", list_of(object({{"id", string}, {"state", string}, {"queued", integer}}))}},
              {"object", "memory_bytes", "data"})},
      {"ItemList", object({{"object", one_of({"list"})},
                           {"data", list_of(object({{"type", string}, {"id", string}}, {"type", "id"}))},
                           {"first_id", any_string},
                           {"last_id", any_string},
                           {"has_more", {{"type", "boolean"}}}},
                          {"object", "data", "first_id", "last_id", "has_more"})},
      {"KeyList",
       object({{"keys", list_of(object({{"id", string}, {"owner", string}, {"spent", string}}))}}, {"keys"})},
      {"Status", object({{"status", string}}, {"status"})},
      {"Error", object({{"error", object({{"message", string},
                                          {"type", string},
                                          {"param", any_string},
                                          {"code", string},
                                          {"n_prompt_tokens", integer},
                                          {"n_ctx", integer}},
                                         {"message", "type", "param", "code"})}},
                       {"error"})}};
}

Json in_json(Json schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

constexpr const char* kError = "Error";

Json operation(const char* summary, Json content, std::initializer_list<const char*> errors,
               const char* error = kError) {
  Json answers{{"200", {{"description", "the answer"}, {"content", std::move(content)}}}};
  for (const auto* status : errors)
    answers[status] = {{"description", "an error"}, {"content", in_json(reference(error))}};
  return {{"summary", summary}, {"responses", std::move(answers)}};
}

Json post(const char* summary, const char* takes, const char* gives, bool streams,
          const char* error = kError) {
  Json content = in_json(reference(gives));
  if (streams) content["text/event-stream"] = Json::object();
  Json out =
      operation(summary, std::move(content),
                {"400", "401", "402", "403", "404", "408", "413", "415", "429", "500", "503", "529"}, error);
  out["requestBody"] = {{"required", true}, {"content", in_json(reference(takes))}};
  return {{"post", std::move(out)}};
}

Json get(const char* summary, Json content,
         std::initializer_list<const char*> errors = {"401", "403", "503"}) {
  return {{"get", operation(summary, std::move(content), errors)}};
}

Json document() {
  Json paths{
      {"/v1/chat/completions", post("the next message of a conversation", "ChatRequest", "ChatAnswer", true)},
      {"/v1/completions",
       post("a text continued, or how likely it is", "CompletionsRequest", "CompletionsAnswer", true)},
      {"/v1/responses", post("the next items of a conversation, in OpenAI's newer words", "ResponsesRequest",
                             "ResponsesAnswer", true)},
      {"/v1/responses/{id}",
       get("an answer that was kept", in_json(reference("ResponsesAnswer")), {"401", "403", "404"})},
      {"/v1/responses/{id}/input_items",
       get("what it was answered to", in_json(reference("ItemList")), {"400", "401", "403", "404"})},
      {"/v1/messages", post("the next message, in Anthropic's words", "MessagesRequest", "MessagesAnswer",
                            true, "AnthropicError")},
      {"/v1/messages/count_tokens",
       post("tokens of such a prompt", "CountRequest", "CountAnswer", false, "AnthropicError")},
      {"/tokenize", post("text to token ids", "TokenizeRequest", "Tokens", false)},
      {"/detokenize", post("token ids to text", "DetokenizeRequest", "Text", false)},
      {"/tokenizer_info",
       get("its special tokens and chat template", in_json({{"type", "object"}}), {"401", "403", "404"})},
      {"/v1/models", get("the models", in_json(reference("Models")))},
      {"/v1/models/{id}", get("one of them", in_json(reference("Model")), {"401", "403", "404"})},
      {"/v1/streams/{id}",
       get("a stream taken up again", {{"text/event-stream", Json::object()}}, {"400", "401", "403", "404"})},
      {"/health", get("whether the engines move", in_json(reference("Status")), {"403", "503"})},
      {"/ready", get("whether requests are taken", in_json(reference("Status")), {"403", "503"})},
      {"/metrics", get("figures for Prometheus", {{"text/plain", {{"schema", {{"type", "string"}}}}}})},
      {"/user/balance",
       get("what the key has left", in_json(reference("Balance")), {"401", "403", "404", "503"})},
      {"/admin/usage", get("who used what, and what it cost", in_json(reference("UsageList")),
                           {"400", "401", "403", "404", "503"})},
      {"/admin/models",
       get("what is in memory, and what it does", in_json(reference("LoadedModels")), {"401", "403"})},
      {"/admin/keys", get("which keys there are, and what they have spent", in_json(reference("KeyList")),
                          {"401", "403", "404", "503"})},
      {"/openapi.json", get("this document", in_json({{"type", "object"}}))}};
  paths["/v1/responses/{id}"]["delete"] =
      operation("forgets it", in_json({{"type", "object"}}), {"401", "403", "404"});
  const Json id{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}};
  for (const auto* path : {"/v1/models/{id}", "/v1/responses/{id}", "/v1/responses/{id}/input_items"})
    for (Json& one : paths[path]) one["parameters"] = Json::array({id});
  Json& page = paths["/v1/responses/{id}/input_items"]["get"]["parameters"];
  const auto in_query = [](const char* name, Json schema) {
    return Json{{"name", name}, {"in", "query"}, {"schema", std::move(schema)}};
  };
  page.push_back(in_query("limit", {{"type", "integer"}, {"minimum", 1}, {"maximum", kMostItems}}));
  page.push_back(in_query("order", one_of({"asc", "desc"})));
  page.push_back(in_query("after", {{"type", "string"}}));
  paths["/v1/streams/{id}"]["get"]["parameters"] = Json::array(
      {id, {{"name", "from"}, {"in", "query"}, {"schema", {{"type", "integer"}, {"minimum", 0}}}}});
  Json days = Json::array();
  for (const auto* name : {"key", "since", "until"})
    days.push_back({{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}}}});
  paths["/admin/usage"]["get"]["parameters"] = std::move(days);
  return {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "dsa serve"},
        {"version", "1"},
        {"description", "OpenAI's API. Every path is also there without /v1. docs/serving.md says more."}}},
      {"paths", std::move(paths)},
      {"components", {{"schemas", schemas()}}}};
}

}  // namespace

const std::string& openapi_document() {
  static const std::string text = json_text(document()) + "\n";
  return text;
}

}  // namespace dsa::server
