// The answers of POST /v1/responses.
#include "base/json.h"
#include "server/responses.h"
#include "server/usage.h"

namespace dsa::server {
namespace {

using Json = nlohmann::ordered_json;

class Response final : public AnswerWriter {
 public:
  Response(const ResponsesCall& call, const ServedModel& model, const ResponseShelf& shelf)
      : model_(model),
        shelf_(shelf),
        store_(call.store),
        messages_(call.messages),
        items_(call.items),
        head_(new_answer("resp_", model)),
        stream_(call.chat.plan.stream),
        asked_(parse_json(call.asked, "what was asked")),
        parts_(model, call.chat.shape, "call_") {}

  const std::string& id() const override { return head_.id; }

  std::string begin() override {
    const Json started = response("in_progress");
    std::string out =
        event("response.created", {{"response", started}});  // one after the other: they are numbered
    return out.append(event("response.in_progress", {{"response", started}}));
  }

  std::string push(std::size_t, Event&& event) override {
    if (const auto* token = std::get_if<NewToken>(&event.what)) {
      const bool before = parts_.in_reasoning();
      const auto parts = parts_.push(*token);
      if (before || parts_.in_reasoning()) ++reasoning_tokens_;
      return take(parts);
    }
    if (auto* finished = std::get_if<Finished>(&event.what)) return finish(std::move(*finished));
    return "";
  }
  bool finished() const override { return finished_.has_value(); }
  std::string end() override { return ""; }

  HttpAnswer whole() override {
    if (const auto fault = fault_of(*finished_)) return error_answer(*fault);
    return {.body = json_text(response(status())) + "\n"};
  }

  std::string fault_event(const ApiError& error) override {
    Json failed = response("failed");
    failed["error"] = {{"code", "server_error"}, {"message", error.what()}};
    return event("response.failed", {{"response", std::move(failed)}});
  }

 private:
  // Of an answer that is not streamed.
  void list_items() {
    if (!parts_.reasoning().empty()) output_.push_back(reasoning_item(new_answer("rs_", model_).id));
    // An answer of nothing is a message of nothing.
    if (!parts_.content().empty() || parts_.calls().empty())
      output_.push_back(message_item(new_answer("msg_", model_).id, parts_.content()));
    for (const ToolCall& call : parts_.calls())
      output_.push_back(call_item(new_answer("fc_", model_).id, call, "completed"));
  }

  // The conversation with this answer behind it, as chat has it.
  void keep() {
    if (!store_) return;
    nlohmann::json message{{"role", "assistant"}, {"content", parts_.content()}};
    if (!parts_.reasoning().empty()) message["reasoning_content"] = parts_.reasoning();
    for (const ToolCall& call : parts_.calls())
      message["tool_calls"].push_back({{"id", call.id},
                                       {"type", "function"},
                                       {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    nlohmann::json messages = parse_json(messages_, "messages");
    messages.push_back(std::move(message));
    shelf_.kept->keep(head_.id, {.owner = shelf_.owner,
                                 .body = json_text(response(status())) + "\n",
                                 .messages = json_text(messages),
                                 .items = std::move(items_)});
  }

  // An item of the output that a stream has begun and not ended.
  struct Open {
    AnswerPart::Kind kind = AnswerPart::Kind::text;
    std::string id;
    std::string text;  // of a call: its arguments
    ToolCall call;
  };

  std::string event(std::string_view name, Json fields) {
    Json out{{"type", name}, {"sequence_number", sequence_++}};
    out.update(fields);
    return fmt::format("event: {}\ndata: {}\n\n", name, json_text(out));
  }

  static Json text_part(const std::string& text) {
    return {
        {"type", "output_text"}, {"text", text}, {"annotations", Json::array()}, {"logprobs", Json::array()}};
  }
  static Json reasoning_part(const std::string& text) { return {{"type", "reasoning_text"}, {"text", text}}; }
  static Json message_item(const std::string& id, const std::string& text) {
    return {{"type", "message"},
            {"id", id},
            {"status", "completed"},
            {"role", "assistant"},
            {"content", Json::array({text_part(text)})}};
  }
  Json reasoning_item(const std::string& id) const {
    return {{"type", "reasoning"},
            {"id", id},
            {"summary", Json::array()},
            {"content", Json::array({reasoning_part(parts_.reasoning())})}};
  }
  static Json call_item(const std::string& id, const ToolCall& call, std::string_view status) {
    return {{"type", "function_call"},     {"id", id},        {"call_id", call.id}, {"name", call.name},
            {"arguments", call.arguments}, {"status", status}};
  }

  Json response(std::string_view status) const {
    Json out{{"id", head_.id},
             {"object", "response"},
             {"created_at", head_.created},
             {"status", status},
             {"error", nullptr},
             {"incomplete_details", nullptr},
             {"instructions", nullptr},
             {"max_output_tokens", nullptr},
             {"metadata", Json::object()},
             {"model", head_.model},
             {"output", output_},
             {"parallel_tool_calls", true},
             {"previous_response_id", nullptr},
             {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
             {"store", false},
             {"temperature", 1},
             {"text", {{"format", {{"type", "text"}}}}},
             {"tool_choice", "auto"},
             {"tools", Json::array()},
             {"top_p", 1},
             {"truncation", "disabled"},
             {"usage", nullptr}};
    for (const auto& [name, value] : asked_.items()) out[name] = value;
    if (status == "incomplete") out["incomplete_details"] = {{"reason", "max_output_tokens"}};
    if (finished_) out["usage"] = usage();
    return out;
  }

  Json usage() const {
    const Timings& t = finished_->timings;
    return {{"input_tokens", t.prompt_tokens},
            {"input_tokens_details", {{"cached_tokens", t.cached_tokens}}},
            {"output_tokens", t.completion_tokens},
            {"output_tokens_details", {{"reasoning_tokens", reasoning_tokens_}}},
            {"total_tokens", t.prompt_tokens + t.completion_tokens},
            {"dsa", usage_.to_json(model_, cost())["dsa"]}};
  }
  std::string_view status() const {
    return finished_->reason == FinishReason::length ? "incomplete" : "completed";
  }

  Json place() const { return {{"item_id", open_->id}, {"output_index", output_.size()}}; }
  Json placed(Json more) const {
    Json out = place();
    if (open_->kind != AnswerPart::Kind::call) out["content_index"] = 0;
    out.update(more);
    return out;
  }

  std::string take(const std::vector<AnswerPart>& parts) {
    std::string out;
    if (!stream_) return out;
    for (const AnswerPart& part : parts) {
      if (part.kind == AnswerPart::Kind::call_end) {
        out += close();
        continue;
      }
      if (part.kind == AnswerPart::Kind::call || !open_ || (part.kind != open_->kind && !is_argument(part)))
        out += open(part);
      if (part.kind != AnswerPart::Kind::call) out += delta(part.text);
    }
    return out;
  }
  static bool is_argument(const AnswerPart& part) { return part.kind == AnswerPart::Kind::arguments; }

  std::string open(const AnswerPart& part) {
    std::string out = close();
    const bool call = part.kind == AnswerPart::Kind::call, text = part.kind == AnswerPart::Kind::text;
    open_ = Open{part.kind,
                 new_answer(call   ? "fc_"
                            : text ? "msg_"
                                   : "rs_",
                            model_)
                     .id,
                 "",
                 {part.id, call ? part.text : "", ""}};
    Json item = call ? call_item(open_->id, open_->call, "in_progress") : message_item(open_->id, "");
    if (!call && !text) item = {{"type", "reasoning"}, {"id", open_->id}, {"summary", Json::array()}};
    if (text) item["status"] = "in_progress";
    if (!call) item["content"] = Json::array();
    out += event("response.output_item.added", {{"output_index", output_.size()}, {"item", std::move(item)}});
    if (call) return out;
    return out + event("response.content_part.added",
                       placed({{"part", text ? text_part("") : reasoning_part("")}}));
  }

  std::string delta(const std::string& piece) {
    open_->text += piece;
    switch (open_->kind) {
      case AnswerPart::Kind::text:
        return event("response.output_text.delta", placed({{"delta", piece}, {"logprobs", Json::array()}}));
      case AnswerPart::Kind::reasoning:
        return event("response.reasoning_text.delta", placed({{"delta", piece}}));
      default:
        return event("response.function_call_arguments.delta", placed({{"delta", piece}}));
    }
  }

  std::string close() {
    if (!open_) return "";
    std::string out;
    Json item;
    const std::string& text = open_->text;
    if (open_->kind == AnswerPart::Kind::call) {
      open_->call.arguments = text;
      item = call_item(open_->id, open_->call, "completed");
      out = event("response.function_call_arguments.done",
                  placed({{"name", open_->call.name}, {"arguments", text}}));
    } else {
      const bool message = open_->kind == AnswerPart::Kind::text;
      const Json part = message ? text_part(text) : reasoning_part(text);
      item = message ? message_item(open_->id, text) : reasoning_item(open_->id);
      Json done = placed({{"text", text}});
      if (message) done["logprobs"] = Json::array();
      out = event(message ? "response.output_text.done" : "response.reasoning_text.done", std::move(done));
      out += event("response.content_part.done", placed({{"part", part}}));
    }
    out += event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
    output_.push_back(std::move(item));
    open_.reset();
    return out;
  }

  std::string finish(Finished finished) {
    std::string out = take(parts_.finish(finished));
    finished_ = std::move(finished);
    usage_.add(*finished_, reasoning_tokens_, /*first=*/true);
    const auto fault = fault_of(*finished_);
    if (!stream_) {
      list_items();
      if (!fault) keep();
      return "";
    }
    out += close();
    if (fault) return out + fault_event(*fault);
    keep();
    const std::string name = "response." + std::string(status());
    return out + event(name, {{"response", response(status())}});
  }

  const ServedModel& model_;
  ResponseShelf shelf_;
  bool store_;
  std::string messages_;  // that it answers
  std::string items_;
  AnswerHead head_;
  bool stream_;
  Json asked_;
  AnswerParts parts_;
  Json output_ = Json::array();  // items that have ended
  std::optional<Open> open_;
  std::int64_t sequence_ = 0;
  std::int64_t reasoning_tokens_ = 0;
  std::optional<Finished> finished_;
  Usage usage_;
};

}  // namespace

std::unique_ptr<AnswerWriter> write_response(const ResponsesCall& call, const ServedModel& model,
                                             const ResponseShelf& shelf) {
  return std::make_unique<Response>(call, model, shelf);
}

}  // namespace dsa::server
