// The answers of POST /v1/messages.
#include "base/json.h"
#include "server/anthropic.h"
#include "server/usage.h"

namespace dsa::server {
namespace {

using Json = nlohmann::ordered_json;

std::string event(std::string_view name, const Json& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, json_text(data));
}

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

Json error_object(const ApiError& error) {
  // The words by which Anthropic's clients know that they have to shorten a conversation.
  const std::string message =
      error.prompt_tokens >= 0
          ? fmt::format("prompt is too long: {} tokens > {} maximum", error.prompt_tokens, error.context)
          : error.what();
  return {{"type", "error"}, {"error", {{"type", error_type(error.status())}, {"message", message}}}};
}

class Message final : public AnswerWriter {
 public:
  Message(const MessagesCall& call, const ServedModel& model)
      : model_(model),
        head_(new_answer("msg_", model)),
        stream_(call.chat.plan.stream),
        max_tokens_(call.chat.plan.requests.front().max_tokens),
        prompt_tokens_(std::ssize(call.chat.plan.requests.front().prompt)),
        parts_(model, call.chat.shape, "toolu_") {}

  const std::string& id() const override { return head_.id; }
  // What the cache saved is part of a message's beginning, and known when the prompt is looked at.
  std::string begin() override { return ""; }

  std::string push(std::size_t, Event&& event) override {
    if (const auto* reading = std::get_if<Reading>(&event.what)) return open(reading->cached);
    if (const auto* token = std::get_if<NewToken>(&event.what)) return open(0) + push_token(*token);
    if (auto* finished = std::get_if<Finished>(&event.what)) return finish(std::move(*finished));
    return "";
  }
  bool finished() const override { return finished_.has_value(); }
  std::string end() override { return ""; }

  HttpAnswer whole() override {
    if (const auto fault = fault_of(*finished_)) return fault_answer(*fault);
    Json content = Json::array();
    if (!parts_.reasoning().empty())
      content.push_back({{"type", "thinking"}, {"thinking", parts_.reasoning()}, {"signature", ""}});
    if (!parts_.content().empty() || (content.empty() && parts_.calls().empty()))
      content.push_back({{"type", "text"}, {"text", parts_.content()}});
    for (const ToolCall& call : parts_.calls())
      content.push_back({{"type", "tool_use"},
                         {"id", call.id},
                         {"name", call.name},
                         {"input", parse_json(call.arguments, "a call")}});
    Json out = message(std::move(content));
    out["stop_reason"] = stop_reason();
    out["stop_sequence"] = stop_sequence();
    out["usage"] = usage();
    return {.body = json_text(out) + "\n"};
  }
  std::string fault_event(const ApiError& error) override { return event("error", error_object(error)); }
  HttpAnswer fault_answer(const ApiError& error) override { return anthropic_error_answer(error); }

 private:
  Json message(Json content) const {
    return {{"id", head_.id},
            {"type", "message"},
            {"role", "assistant"},
            {"model", head_.model},
            {"content", std::move(content)},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr}};
  }

  // Tokens found in the cache are not counted as input, as Anthropic does.
  static Json counts(std::int64_t prompt, std::int64_t cached, std::int64_t output) {
    return {{"input_tokens", prompt - cached},
            {"cache_creation_input_tokens", 0},
            {"cache_read_input_tokens", cached},
            {"output_tokens", output}};
  }
  Json usage() const {
    const Timings& t = finished_->timings;
    Json out = counts(t.prompt_tokens, t.cached_tokens, t.completion_tokens);
    out["dsa"] = usage_.to_json(model_, cost())["dsa"];
    return out;
  }

  std::string open(std::int64_t cached) {
    if (!stream_ || opened_) return "";
    opened_ = true;
    Json start = message(Json::array());
    start["usage"] = counts(prompt_tokens_, cached, 0);
    return event("message_start", {{"type", "message_start"}, {"message", std::move(start)}}) +
           event("ping", {{"type", "ping"}});
  }

  std::string push_token(const NewToken& token) {
    const bool before = parts_.in_reasoning();
    const auto parts = parts_.push(token);
    if (before || parts_.in_reasoning()) ++reasoning_tokens_;
    return take(parts);
  }

  std::string take(const std::vector<AnswerPart>& parts) {
    std::string out;
    if (!stream_) return out;
    for (const AnswerPart& part : parts) switch (part.kind) {
        case AnswerPart::Kind::reasoning:
          out += open_block("thinking", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
          out += delta({{"type", "thinking_delta"}, {"thinking", part.text}});
          break;
        case AnswerPart::Kind::text:
          out += open_block("text", {{"type", "text"}, {"text", ""}});
          out += delta({{"type", "text_delta"}, {"text", part.text}});
          break;
        case AnswerPart::Kind::call:
          out += open_block(
              "tool_use",
              {{"type", "tool_use"}, {"id", part.id}, {"name", part.text}, {"input", Json::object()}});
          break;
        case AnswerPart::Kind::arguments:
          out += delta({{"type", "input_json_delta"}, {"partial_json", part.text}});
          break;
        case AnswerPart::Kind::call_end:
          out += close_block();
          break;
      }
    return out;
  }

  // Nothing, if such a block is open.
  std::string open_block(std::string_view kind, Json block) {
    if (kind == block_) return "";
    std::string out = close_block();
    block_ = kind;
    return out.append(
        event("content_block_start",
              {{"type", "content_block_start"}, {"index", index_}, {"content_block", std::move(block)}}));
  }
  std::string delta(Json change) const {
    return event("content_block_delta",
                 {{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(change)}});
  }

  std::string close_block() {
    if (block_.empty()) return "";
    std::string out;
    if (block_ == "thinking") out += delta({{"type", "signature_delta"}, {"signature", ""}});
    out += event("content_block_stop", {{"type", "content_block_stop"}, {"index", index_++}});
    block_ = "";
    return out;
  }

  std::string finish(Finished finished) {
    std::string out = open(0) + take(parts_.finish(finished));
    finished_ = std::move(finished);
    usage_.add(*finished_, reasoning_tokens_, /*first=*/true);
    if (!stream_) return "";
    if (const auto fault = fault_of(*finished_)) return out + fault_event(*fault);
    out += close_block();
    out += event("message_delta",
                 {{"type", "message_delta"},
                  {"delta", {{"stop_reason", stop_reason()}, {"stop_sequence", stop_sequence()}}},
                  {"usage", usage()}});
    return out + event("message_stop", {{"type", "message_stop"}});
  }

  std::string_view stop_reason() const {
    if (finished_->stop_string) return "stop_sequence";
    if (finished_->reason == FinishReason::stop && !parts_.calls().empty()) return "tool_use";
    if (finished_->reason != FinishReason::length) return "end_turn";
    return finished_->timings.completion_tokens >= max_tokens_ ? "max_tokens"
                                                               : "model_context_window_exceeded";
  }
  Json stop_sequence() const {
    return finished_->stop_string ? Json(*finished_->stop_string) : Json(nullptr);
  }

  const ServedModel& model_;
  AnswerHead head_;
  bool stream_;
  std::int64_t max_tokens_, prompt_tokens_;
  AnswerParts parts_;
  bool opened_ = false;
  std::string_view block_;  // open: "thinking", "text", "tool_use"; "": none
  int index_ = 0;           // of the block that is open, or of the next
  std::int64_t reasoning_tokens_ = 0;
  std::optional<Finished> finished_;
  Usage usage_;
};

}  // namespace

std::unique_ptr<AnswerWriter> write_message(const MessagesCall& call, const ServedModel& model) {
  return std::make_unique<Message>(call, model);
}

std::string anthropic_error_event(const ApiError& error) { return event("error", error_object(error)); }

std::string anthropic_error_json(const ApiError& error) { return json_text(error_object(error)); }

HttpAnswer anthropic_error_answer(const ApiError& error) {
  // 529: what Anthropic's clients wait for and try again.
  return {.status = error.status() == 503 ? 529 : error.status(),
          .body = anthropic_error_json(error) + "\n",
          .headers = error_headers(error)};
}

}  // namespace dsa::server
