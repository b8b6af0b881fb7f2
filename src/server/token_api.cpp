#include "server/token_api.h"

#include "base/json.h"
#include "server/errors.h"
#include "server/openai_chat.h"
#include "server/request_fields.h"
#include "server/token_text.h"

namespace dsa::server {
namespace {

using Ids = std::vector<std::int32_t>;

// Far more text than the context holds may be cut, but not without end.
constexpr std::size_t kMostBytes = std::size_t{4} << 20;

Ids ids_of(const Fields& body, const ServedModel& model, std::string_view sent) {
  if (body.find("messages") != nullptr) return read_chat(body, model, sent).plan.requests.front().prompt;
  auto text = body.string("prompt");
  if (!text) text = body.string("content");
  if (!text) body.wrong("prompt", "a string, or messages");
  if (text->size() > kMostBytes)
    throw invalid_value("prompt",
                        fmt::format("prompt has {} bytes, expected at most {}", text->size(), kMostBytes));
  return body.boolean("add_special_tokens").value_or(true)
             ? model.prompt.encode_text(*text, SpecialTokens::parse)
             : model.tokenizer.encode(*text, SpecialTokens::parse);
}

}  // namespace

HttpAnswer tokenize(const Fields& body, const ServedModel& model, std::string_view text) {
  Ids ids;
  const bool with_texts = body.boolean("return_token_strs").value_or(false);
  try {
    ids = ids_of(body, model, text);
  } catch (const ApiError&) {
    throw;
  } catch (const Error& error) {
    throw invalid_value("prompt", error.what());
  }
  nlohmann::ordered_json out{{"tokens", ids}, {"count", ids.size()}, {"max_model_len", model.context}};
  if (with_texts) {
    out["token_strs"] = nlohmann::ordered_json::array();
    for (const auto id : ids) out["token_strs"].push_back(token_text(model.tokenizer, id));
  }
  return {.body = json_text(out) + "\n"};
}

HttpAnswer tokenizer_info(const ServedModel& model) {
  const Tokenizer& tokenizer = model.tokenizer;
  nlohmann::ordered_json out{{"bos_token", nullptr}, {"eos_token", nullptr}, {"chat_template", nullptr}};
  if (tokenizer.bos()) out["bos_token"] = token_text(tokenizer, *tokenizer.bos());
  if (!tokenizer.eos_ids().empty()) out["eos_token"] = token_text(tokenizer, tokenizer.eos_ids().front());
  try {
    if (tokenizer.chat_template()) out["chat_template"] = *tokenizer.chat_template();
  } catch (const Error&) {
    // What cannot be read is none: it stops those who chat.
  }
  out["vocab_size"] = tokenizer.vocab_size();
  return {.body = json_text(out) + "\n"};
}

HttpAnswer detokenize(const Fields& body, const ServedModel& model) {
  const auto* list = body.find("tokens");
  constexpr std::size_t kMost = 1 << 20;
  if (list == nullptr || !list->is_array() || list->size() > kMost)
    body.wrong("tokens", fmt::format("a list of at most {} token ids", kMost));
  Ids ids;
  for (const auto& one : *list) {
    const auto id = as_integer(one, 0, model.vocab_size - 1);
    if (!id) body.wrong("tokens", fmt::format("token ids from 0 to {}", model.vocab_size - 1));
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  const nlohmann::ordered_json out{{"prompt", model.tokenizer.decode(ids, /*skip_special=*/false)}};
  return {.body = json_text(out) + "\n"};
}

}  // namespace dsa::server
