#include "compare/http_speaker.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "base/json.h"
#include "base/stopwatch.h"
#include "compare/sse_reader.h"

namespace dsa::compare {
namespace {

using Received = nlohmann::json;

const char* role_name(Role role) {
  return role == Role::system ? "system" : role == Role::assistant ? "assistant" : "user";
}

// What the server says went wrong, on one line.
std::string complaint(const std::string& body) {
  const Received json = Received::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("error")) {
    const Received& error = json["error"];
    if (error.is_string()) return printable(error.get<std::string>(), 300);
    if (error.is_object() && error.contains("message") && error["message"].is_string())
      return printable(error["message"].get<std::string>(), 300);
  }
  return printable(body, 200);
}

std::optional<double> number_at(const Received& json, const char* pointer) {
  const auto at = Received::json_pointer(pointer);
  if (!json.contains(at) || !json.at(at).is_number()) return std::nullopt;
  return json.at(at).get<double>();
}

// An answer, put together out of the chunks of its stream.
class Chunks {
 public:
  void take(std::string_view body) {
    for (const std::string_view data : reader_.take(body)) {
      if (data == "[DONE]") continue;
      const Received json = Received::parse(data, nullptr, /*allow_exceptions=*/false);
      if (json.is_object()) add(json, data);
    }
  }

  std::string content, reasoning, finish, error;
  Received usage;
  std::optional<double> first_s;
  double last_s = 0;

 private:
  void add(const Received& json, std::string_view data) {
    if (json.contains("error")) error = complaint(std::string(data));
    if (json.contains("usage") && json["usage"].is_object()) usage = json["usage"];
    const auto choice = Received::json_pointer("/choices/0");
    if (!json.contains(choice)) return;
    const Received& one = json.at(choice);
    if (one.contains("finish_reason") && one["finish_reason"].is_string()) finish = one["finish_reason"];
    if (!one.contains("delta") || !one["delta"].is_object()) return;
    const bool more =
        append(one["delta"], "content", content) | append(one["delta"], "reasoning_content", reasoning);
    if (!more) return;
    last_s = watch_.seconds();
    if (!first_s) first_s = last_s;
  }
  static bool append(const Received& delta, const char* key, std::string& to) {
    if (!delta.contains(key) || !delta[key].is_string()) return false;
    to += delta[key].get_ref<const std::string&>();
    return !delta[key].get_ref<const std::string&>().empty();
  }

  SseReader reader_;
  Stopwatch watch_;
};

}  // namespace

HttpSpeaker::HttpSpeaker(std::string_view where, std::string key, const Manner& manner,
                         const std::atomic<bool>& cancel)
    : url_(parse_url(where.substr(0, where.find('#')))), key_(std::move(key)), manner_(manner) {
  if (url_.path.empty()) url_.path = "/v1";
  if (const auto mark = where.find('#'); mark != std::string_view::npos)
    model_ = std::string(where.substr(mark + 1));
  if (model_.empty()) model_ = only_model(cancel);
}

HttpAsk HttpSpeaker::ask_for(std::string path) const {
  HttpAsk ask{.url = url_, .path = std::move(path)};
  if (!key_.empty()) ask.headers.emplace_back("Authorization", "Bearer " + key_);
  return ask;
}

std::string HttpSpeaker::only_model(const std::atomic<bool>& cancel) const {
  const auto reply = ask_http(ask_for("/models"), cancel);
  if (!reply) fail("{}: interrupted", url_.text());
  if (reply->status != 200)
    fail("{}/models: status {}: {}: name the model, as in URL#MODEL", url_.text(), reply->status,
         complaint(reply->body));
  const Received json = Received::parse(reply->body, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  if (json.is_object() && json.contains("data") && json["data"].is_array())
    for (const Received& one : json["data"])
      if (one.is_object() && one.contains("id") && one["id"].is_string()) names.push_back(one["id"]);
  if (names.size() != 1)
    fail("{}/models: it names {} models ({}), expected one: name yours, as in URL#MODEL", url_.text(),
         names.size(), printable(fmt::format("{}", fmt::join(names, ", ")), 200));
  return names.front();
}

std::optional<Said> HttpSpeaker::say(std::span<const ChatMessage> messages, const std::atomic<bool>& cancel) {
  nlohmann::ordered_json body{{"model", model_}, {"messages", nlohmann::ordered_json::array()}};
  for (const ChatMessage& message : messages)
    body["messages"].push_back({{"role", role_name(message.role)}, {"content", message.content}});
  body.update({{"max_tokens", manner_.max_tokens},
               {"temperature", manner_.temperature},
               {"seed", manner_.seed},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}}});
  HttpAsk ask = ask_for("/chat/completions");
  ask.body = json_text(body);
  Chunks chunks;
  ask.on_body = [&](std::string_view so_far) { chunks.take(so_far); };
  const Stopwatch watch;
  const auto reply = ask_http(ask, cancel);
  if (!reply) return std::nullopt;
  const double seconds = watch.seconds();
  if (reply->status != 200) fail("{}: status {}: {}", url_.text(), reply->status, complaint(reply->body));
  chunks.take(reply->body);
  if (!chunks.error.empty()) fail("{}: {}", url_.text(), chunks.error);
  if (chunks.finish.empty()) fail("{}: its answer has no end: {}", url_.text(), complaint(reply->body));

  Said out{.message = {.role = Role::assistant, .content = chunks.content},
           .finish = chunks.finish,
           .figures = {}};
  if (!chunks.reasoning.empty()) out.message.reasoning = chunks.reasoning;
  out.figures["cut"] = chunks.finish == "length" ? 1 : 0;
  out.figures["seconds"] = seconds;
  if (chunks.first_s) out.figures["ttft_ms"] = *chunks.first_s * 1000;
  const auto tokens = number_at(chunks.usage, "/completion_tokens");
  const auto prompt = number_at(chunks.usage, "/prompt_tokens");
  if (tokens) out.figures["tokens"] = *tokens;
  constexpr double kSeen = 0.1;  // seconds of writing before a speed can be seen from here
  if (tokens && *tokens > 1 && chunks.first_s && chunks.last_s >= *chunks.first_s + kSeen)
    out.figures["tok_s"] = (*tokens - 1) / (chunks.last_s - *chunks.first_s);
  if (manner_.price && tokens && prompt) {
    const double hit = number_at(chunks.usage, "/prompt_tokens_details/cached_tokens").value_or(0);
    out.figures["usd_per_1000"] = usd_per_1000(*manner_.price, hit, *prompt - hit, *tokens);
  }
  return out;
}

nlohmann::ordered_json HttpSpeaker::identity() const { return {{"url", url_.text()}, {"model", model_}}; }

}  // namespace dsa::compare
