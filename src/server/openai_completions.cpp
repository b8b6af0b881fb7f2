#include "server/openai_completions.h"

#include <algorithm>

#include "base/json.h"
#include "chat/fill_in.h"
#include "server/request_fields.h"

namespace dsa::server {
namespace {

using nlohmann::json;
using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kDefaultTokens = 16;  // as OpenAI's
constexpr std::string_view kExpected =
    "a string, a list of strings, a list of token ids or a list of such lists";

Ids ids_of(const Fields& body, const json& list, const ServedModel& model) {
  if (std::cmp_greater(list.size(), model.context))
    throw context_exceeded(static_cast<std::int64_t>(list.size()), model.context, "prompt");
  Ids ids;
  ids.reserve(list.size());
  for (const json& one : list) {
    const auto id = as_integer(one, 0, model.vocab_size - 1);
    if (!id) body.wrong("prompt", fmt::format("token ids from 0 to {}", model.vocab_size - 1));
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  return ids;
}

// One prompt: a text or a list of ids.
void add_prompt(const Fields& body, const json& prompt, const ServedModel& model, std::vector<Ids>& ids,
                std::vector<std::string>& texts) {
  if (prompt.is_string()) {
    const auto& text = prompt.get_ref<const std::string&>();
    check_text_size(text.size(), model, "prompt");
    // Whoever writes a whole prompt means the control tokens that it spells.
    ids.push_back(model.prompt.encode_text(text, SpecialTokens::parse));
    texts.push_back(text);
  } else if (prompt.is_array()) {
    ids.push_back(ids_of(body, prompt, model));
    texts.push_back(model.tokenizer.decode(ids.back(), /*skip_special=*/false));
  } else {
    body.wrong("prompt", kExpected);
  }
}

// A text with a gap in front of `suffix`: the model fills it.
void add_gap(const Fields& body, const std::string& suffix, const ServedModel& model, std::vector<Ids>& ids,
             std::vector<std::string>& texts) {
  const auto prompt = body.find("prompt");
  if (prompt == nullptr || !prompt->is_string())
    body.wrong("prompt", "a string, which `suffix` goes with alone");
  const auto& before = prompt->get_ref<const std::string&>();
  check_text_size(before.size(), model, "prompt");
  check_text_size(suffix.size(), model, "suffix");
  auto gap = fill_in_prompt(model.tokenizer, before, suffix);
  if (!gap)
    throw ApiError(
        400, "unsupported_parameter",
        fmt::format("suffix cannot be done: the vocabulary of {} has no tokens for a gap", model.id),
        "suffix");
  ids.push_back(std::move(*gap));
  texts.push_back(before);
}

}  // namespace

CompletionsCall read_completions(const Fields& body, const ServedModel& model) {
  CompletionsCall call;
  Request common;
  common.max_tokens = kDefaultTokens;
  read_common(body, model, common, call.plan);
  refuse_trace(body);
  call.echo = body.boolean("echo").value_or(false);
  if (const auto log_probs = body.integer("logprobs", 0, kMaxLogProbs))
    call.log_probs = static_cast<std::int32_t>(*log_probs);
  common.log_probs = call.log_probs;
  common.prompt_log_probs = call.echo && call.log_probs;

  const auto suffix = body.string("suffix").value_or("");
  if (!suffix.empty() && (call.echo || call.log_probs))
    throw invalid_value("suffix", "suffix is given, expected only without echo and logprobs");
  const json* prompt = body.find("prompt");
  if (prompt == nullptr) body.wrong("prompt", kExpected);
  std::vector<Ids> ids;
  const bool many = prompt->is_array() && !prompt->empty() && !prompt->front().is_number();
  if (many && prompt->size() > kMaxPrompts)
    body.wrong("prompt", fmt::format("at most {} prompts", kMaxPrompts));
  if (!suffix.empty())
    add_gap(body, suffix, model, ids, call.texts);
  else if (many)
    for (const json& one : *prompt) add_prompt(body, one, model, ids, call.texts);
  else
    add_prompt(body, *prompt, model, ids, call.texts);
  for (Ids& one : ids) {
    Request request = common;
    request.prompt = std::move(one);
    check_room(request, model, "prompt");
    call.plan.requests.push_back(std::move(request));
  }
  return call;
}

}  // namespace dsa::server
