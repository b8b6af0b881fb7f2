// The answers of POST /v1/chat/completions.
#include "base/json.h"
#include "base/numeric.h"
#include "server/openai_chat.h"
#include "server/sse.h"
#include "server/token_text.h"
#include "server/trace_json.h"
#include "server/usage.h"

namespace dsa::server {
namespace {

using Json = nlohmann::ordered_json;

struct Choice {
  explicit Choice(AnswerParts all) : parts(std::move(all)) {}

  AnswerParts parts;
  std::int64_t reasoning_tokens = 0;
  Json log_probs = Json::array();
  TraceJson trace;
  std::optional<Finished> finished;
};

class ChatAnswer final : public AnswerWriter {
 public:
  ChatAnswer(const ChatCall& call, const ServedModel& model)
      : model_(model),
        head_(new_answer("chatcmpl-", model)),
        plan_{.requests = {},
              .stream = call.plan.stream,
              .include_usage = call.plan.include_usage,
              .progress = call.plan.progress},
        log_probs_(call.log_probs),
        reasons_(model.prompt.format() && model.prompt.format()->reasoning()) {
    for (std::int32_t i = 0; i < call.plan.requests.front().choices; ++i)
      choices_.emplace_back(AnswerParts(model, call.shape, "call_"));
  }

  const std::string& id() const override { return head_.id; }

  std::string begin() override {
    std::string out;
    for (std::size_t i = 0; i < choices_.size(); ++i)
      out += chunk(i, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
    return out;
  }

  std::string push(std::size_t, Event&& event) override {
    const auto index = usize(event.choice);
    if (const auto* reading = std::get_if<Reading>(&event.what)) return progress(*reading);
    if (const auto* selected = std::get_if<Selected>(&event.what))
      return push_trace(choices_[index].trace.push(event.choice, *selected));
    if (auto* token = std::get_if<NewToken>(&event.what)) return push_token(index, *token);
    if (auto* finished = std::get_if<Finished>(&event.what)) return finish(index, std::move(*finished));
    return "";
  }

  bool finished() const override { return finished_ == choices_.size(); }

  std::string end() override {
    std::string out;
    if (plan_.include_usage) {
      Json last = frame(Json::array());
      last["usage"] = usage();
      out = sse_event(json_text(last));
    }
    return out.append(kSseDone);
  }

  HttpAnswer whole() override {
    Json choices = Json::array();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      if (const auto fault = fault_of(*choice.finished)) return error_answer(*fault);
      choices.push_back({{"index", i},
                         {"message", message(choice.parts)},
                         {"logprobs", log_probs_ ? Json{{"content", choice.log_probs}} : Json(nullptr)},
                         {"finish_reason", finish_reason(choice)}});
    }
    Json body = frame(std::move(choices));
    body["object"] = "chat.completion";
    body["usage"] = usage();
    if (!trace_.empty()) body["dsa"]["trace"] = trace_;
    return {.body = json_text(body) + "\n"};
  }

 private:
  Json message(const AnswerParts& parts) const {
    // OpenAI's clients may look for two more fields, which nothing here fills.
    Json out{{"role", "assistant"},
             {"content", parts.content()},
             {"refusal", nullptr},
             {"annotations", Json::array()}};
    if (reasons_) out["reasoning_content"] = parts.reasoning();
    if (parts.calls().empty()) return out;
    if (parts.content().empty()) out["content"] = nullptr;
    for (const ToolCall& call : parts.calls())
      out["tool_calls"].push_back({{"id", call.id},
                                   {"type", "function"},
                                   {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    return out;
  }

  static std::string_view finish_reason(const Choice& choice) {
    const bool called = choice.finished->reason == FinishReason::stop && !choice.parts.calls().empty();
    return called ? "tool_calls" : name(choice.finished->reason);
  }

  Json frame(Json choices) const {
    return {{"id", head_.id},
            {"object", "chat.completion.chunk"},
            {"created", head_.created},
            {"model", head_.model},
            {"system_fingerprint", "dsa-" + model_.kernels},
            {"choices", std::move(choices)}};
  }

  std::string chunk(std::size_t index, Json delta, Json log_probs, Json finish_reason) const {
    const bool last = !finish_reason.is_null() && finished();
    Json out = frame(Json::array({{{"index", index},
                                   {"delta", std::move(delta)},
                                   {"logprobs", std::move(log_probs)},
                                   {"finish_reason", std::move(finish_reason)}}}));
    if (plan_.include_usage)
      out["usage"] = nullptr;
    else if (last)  // DeepSeek's place for it
      out["usage"] = usage();
    return sse_event(json_text(out));
  }

  std::string progress(const Reading& reading) const {
    if (!plan_.stream || !plan_.progress) return "";
    Json out = frame(Json::array());
    out["dsa"]["progress"] = {{"done", reading.done}, {"total", reading.total}, {"cached", reading.cached}};
    return sse_event(json_text(out));
  }

  std::string push_trace(Json told) {
    if (!plan_.stream) {
      trace_.push_back(std::move(told));
      return "";
    }
    Json out = frame(Json::array());
    out["dsa"]["trace"] = std::move(told);
    return sse_event(json_text(out));
  }

  std::string push_token(std::size_t index, NewToken& token) {
    Choice& choice = choices_[index];
    Json log_probs;
    if (token.log_probs && log_probs_ && !token.stops)
      log_probs = chat_log_prob(model_.tokenizer, token.id, *token.log_probs);
    const bool before = choice.parts.in_reasoning();
    const auto parts = choice.parts.push(token);
    if (before || choice.parts.in_reasoning()) ++choice.reasoning_tokens;
    return take(index, parts, std::move(log_probs));
  }

  std::string take(std::size_t index, std::vector<AnswerPart> parts, Json log_probs) {
    if (!plan_.stream) {
      if (!log_probs.is_null()) choices_[index].log_probs.push_back(std::move(log_probs));
      return "";
    }
    Json shown;
    if (!log_probs.is_null()) shown["content"] = Json::array({std::move(log_probs)});
    if (parts.empty() && !shown.is_null()) parts.emplace_back();
    std::string out;
    for (AnswerPart& part : parts)
      if (part.kind != AnswerPart::Kind::call_end)
        out += chunk(index, delta_of(part), std::exchange(shown, nullptr), nullptr);
    return out;
  }

  static Json delta_of(AnswerPart& part) {
    switch (part.kind) {
      case AnswerPart::Kind::reasoning:
        return {{"reasoning_content", std::move(part.text)}};
      case AnswerPart::Kind::text:
        return {{"content", std::move(part.text)}};
      case AnswerPart::Kind::call:
        return called({{"index", part.call},
                       {"id", part.id},
                       {"type", "function"},
                       {"function", {{"name", std::move(part.text)}, {"arguments", ""}}}});
      case AnswerPart::Kind::arguments:
        return called({{"index", part.call}, {"function", {{"arguments", std::move(part.text)}}}});
      case AnswerPart::Kind::call_end:
        break;
    }
    return Json::object();
  }
  static Json called(Json call) { return {{"tool_calls", Json::array({std::move(call)})}}; }

  std::string finish(std::size_t index, Finished finished) {
    Choice& choice = choices_[index];
    ++finished_;
    const std::string out = take(index, choice.parts.finish(finished), nullptr);
    choice.finished = std::move(finished);
    usage_.add(*choice.finished, choice.reasoning_tokens, index == 0);
    if (!plan_.stream) return "";
    if (const auto fault = fault_of(*choice.finished)) return out + sse_event(error_json(*fault));
    return out + chunk(index, Json::object(), nullptr, finish_reason(choice));
  }

  Json usage() const { return usage_.to_json(model_, cost()); }

  const ServedModel& model_;
  AnswerHead head_;
  Plan plan_;
  bool log_probs_;
  bool reasons_;
  std::vector<Choice> choices_;
  Json trace_ = Json::array();  // of a call that is not streamed
  std::size_t finished_ = 0;
  Usage usage_;
};

}  // namespace

std::unique_ptr<AnswerWriter> write_chat(const ChatCall& call, const ServedModel& model) {
  return std::make_unique<ChatAnswer>(call, model);
}

}  // namespace dsa::server
