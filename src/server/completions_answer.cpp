// The answers of POST /v1/completions.
#include "base/json.h"
#include "base/numeric.h"
#include "server/openai_completions.h"
#include "server/sse.h"
#include "server/token_text.h"
#include "server/usage.h"

namespace dsa::server {
namespace {

using Json = nlohmann::ordered_json;

// Of a choice, in the API's four lists.
struct TokenList {
  Json tokens = Json::array();
  Json log_probs = Json::array();
  Json best = Json::array();
  Json offsets = Json::array();

  void add(const Tokenizer& tokenizer, std::int32_t id, const LogProbs* log_probs_of, std::int64_t& offset) {
    tokens.push_back(token_text(tokenizer, id));
    offsets.push_back(offset);
    offset += static_cast<std::int64_t>(tokenizer.piece(id).size());
    log_probs.push_back(log_probs_of != nullptr ? Json(finite_log_prob(log_probs_of->log_prob)) : Json());
    best.push_back(log_probs_of != nullptr ? best_log_probs(tokenizer, id, *log_probs_of) : Json());
  }
  [[nodiscard]] Json to_json() const {
    return {
        {"tokens", tokens}, {"token_logprobs", log_probs}, {"top_logprobs", best}, {"text_offset", offsets}};
  }
};

struct TextChoice {
  std::string text;
  TokenList tokens;
  std::int64_t offset = 0;  // bytes of the tokens before
  bool begun = false;       // the echo is written
  std::optional<Finished> finished;
};

class CompletionsAnswer final : public AnswerWriter {
 public:
  CompletionsAnswer(CompletionsCall call, const ServedModel& model)
      : model_(model), head_(new_answer("cmpl-", model)), call_(std::move(call)) {
    per_prompt_ = usize(call_.plan.requests.front().choices);
    choices_.resize(per_prompt_ * call_.plan.requests.size());
    if (!call_.echo) return;
    for (std::size_t i = 0; i < choices_.size(); ++i) begin_echo(i);
  }

  const std::string& id() const override { return head_.id; }

  std::string begin() override {
    std::string out;
    for (std::size_t i = 0; i < choices_.size() && call_.echo && !call_.log_probs; ++i)
      out += chunk(i, choices_[i].text, nullptr, nullptr);
    return out;
  }

  std::string push(std::size_t prompt, Event&& event) override {
    const std::size_t index = prompt * per_prompt_ + usize(event.choice);
    if (const auto* reading = std::get_if<Reading>(&event.what)) return progress(*reading);
    if (const auto* token = std::get_if<PromptToken>(&event.what)) return push_prompt(index, *token);
    if (auto* token = std::get_if<NewToken>(&event.what)) return push_token(index, *token);
    if (auto* finished = std::get_if<Finished>(&event.what)) return finish(index, std::move(*finished));
    return "";
  }

  bool finished() const override { return finished_ == choices_.size(); }

  std::string end() override {
    std::string out;
    if (call_.plan.include_usage) {
      Json last = frame(Json::array());
      last["usage"] = usage_.to_json(model_, cost());
      out = sse_event(json_text(last));
    }
    return out.append(kSseDone);
  }

  HttpAnswer whole() override {
    Json choices = Json::array();
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      const TextChoice& choice = choices_[i];
      if (const auto fault = fault_of(*choice.finished)) return error_answer(*fault);
      choices.push_back({{"index", i},
                         {"text", choice.text},
                         {"logprobs", call_.log_probs ? choice.tokens.to_json() : Json()},
                         {"finish_reason", name(choice.finished->reason)}});
    }
    Json body = frame(std::move(choices));
    body["usage"] = usage_.to_json(model_, cost());
    return {.body = json_text(body) + "\n"};
  }

 private:
  void begin_echo(std::size_t index) {
    const std::size_t prompt = index / per_prompt_;
    TextChoice& choice = choices_[index];
    choice.text = call_.texts[prompt];
    // Nothing comes before the first token that could say how likely it is.
    if (call_.log_probs)
      choice.tokens.add(model_.tokenizer, call_.plan.requests[prompt].prompt.front(), nullptr, choice.offset);
  }

  Json frame(Json choices) const {
    return {{"id", head_.id},
            {"object", "text_completion"},
            {"created", head_.created},
            {"model", head_.model},
            {"system_fingerprint", "dsa-" + model_.kernels},
            {"choices", std::move(choices)}};
  }

  std::string chunk(std::size_t index, std::string_view text, Json log_probs, Json finish_reason) const {
    const bool last = !finish_reason.is_null() && finished();
    Json out = frame(Json::array({{{"index", index},
                                   {"text", text},
                                   {"logprobs", std::move(log_probs)},
                                   {"finish_reason", std::move(finish_reason)}}}));
    if (call_.plan.include_usage)
      out["usage"] = nullptr;
    else if (last)  // DeepSeek's place for it
      out["usage"] = usage_.to_json(model_, cost());
    return sse_event(json_text(out));
  }

  std::string progress(const Reading& reading) const {
    if (!call_.plan.stream || !call_.plan.progress) return "";
    Json out = frame(Json::array());
    out["dsa"]["progress"] = {{"done", reading.done}, {"total", reading.total}, {"cached", reading.cached}};
    return sse_event(json_text(out));
  }

  std::string push_prompt(std::size_t index, const PromptToken& token) {
    TextChoice& choice = choices_[index];
    choice.tokens.add(model_.tokenizer, token.id, &token.log_probs, choice.offset);
    return "";
  }

  std::string push_token(std::size_t index, const NewToken& token) {
    TextChoice& choice = choices_[index];
    if (call_.log_probs && token.log_probs && !token.stops)
      choice.tokens.add(model_.tokenizer, token.id, &*token.log_probs, choice.offset);
    choice.text += token.text;
    return call_.plan.stream ? flush(index, nullptr) : "";
  }

  // What has gathered since the last chunk, the echo with it.
  std::string flush(std::size_t index, Json finish_reason) {
    TextChoice& choice = choices_[index];
    if (!std::exchange(choice.begun, true) && call_.echo && !call_.log_probs)
      choice.text.erase(0, call_.texts[index / per_prompt_].size());  // begin() has said it
    const bool more = !choice.text.empty() || !choice.tokens.tokens.empty() || !finish_reason.is_null();
    if (!more) return "";
    Json log_probs;
    if (call_.log_probs) log_probs = std::exchange(choice.tokens, {}).to_json();
    return chunk(index, std::exchange(choice.text, {}), std::move(log_probs), std::move(finish_reason));
  }

  std::string finish(std::size_t index, Finished finished) {
    TextChoice& choice = choices_[index];
    ++finished_;
    choice.text += finished.text;
    choice.finished = std::move(finished);
    usage_.add(*choice.finished, choice.finished->timings.reasoning_tokens, index % per_prompt_ == 0);
    if (!call_.plan.stream) return "";
    if (const auto fault = fault_of(*choice.finished))
      return flush(index, nullptr) + sse_event(error_json(*fault));
    return flush(index, name(choice.finished->reason));
  }

  const ServedModel& model_;
  AnswerHead head_;
  CompletionsCall call_;
  std::size_t per_prompt_ = 1;
  std::vector<TextChoice> choices_;
  std::size_t finished_ = 0;
  Usage usage_;
};

}  // namespace

std::unique_ptr<AnswerWriter> write_completions(CompletionsCall call, const ServedModel& model) {
  return std::make_unique<CompletionsAnswer>(std::move(call), model);
}

}  // namespace dsa::server
