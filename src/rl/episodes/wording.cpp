#include "rl/episodes/wording.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace dsa::rl {
namespace {

constexpr std::string_view kBriefly =
    "\nAnswer at once, without steps.";  // to a model that was not taught `brief`

std::vector<std::int32_t> line(const Tokenizer& tokenizer, std::string text) {
  return tokenizer.encode(text + "\n", SpecialTokens::as_text);
}

bool talks(const ModelConfig& model, const Tokenizer& tokenizer) {
  return !model.mla && tokenizer.chat_template().has_value();
}

}  // namespace

Wording::Wording(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
  if (tokenizer.eos_ids().empty())
    fail(
        "the tokenizer has no token that ends a text (eos_token in tokenizer_config.json): "
        "a message could not end");
  end_ = tokenizer.eos_ids().front();
}

Wording::Wording(const ModelConfig& model, const Tokenizer& tokenizer) : Wording(tokenizer) {
  if (!talks(model, tokenizer)) return;
  chat_.emplace(model.architecture, tokenizer, model.eos_token_ids, PromptSettings{});
  end_ = chat_->stop_ids().front();
}

std::vector<std::int32_t> Wording::prompt(const Seat& seat) const {
  const std::string& text = seat.task->prompt();
  const bool brief = seat.style == Style::brief;
  if (chat_) {
    std::vector<ChatMessage> messages;
    if (!seat.instruction.empty())
      messages.push_back({.role = Role::system, .content = std::string(seat.instruction)});
    messages.push_back({.role = Role::user, .content = text + std::string(brief ? kBriefly : "")});
    return chat_->encode(messages);
  }
  std::vector<std::int32_t> out;
  if (const auto bos = tokenizer_.bos()) out.push_back(*bos);
  const auto ids = line(tokenizer_, text + (brief ? "\nbrief" : ""));
  out.insert(out.end(), ids.begin(), ids.end());
  return out;
}

std::vector<std::int32_t> Wording::message(std::string_view message) const {
  auto out = tokenizer_.encode(message, SpecialTokens::as_text);
  out.push_back(end_);
  return out;
}

std::vector<std::int32_t> Wording::reply(std::string_view reply) const {
  if (!chat_) return line(tokenizer_, std::string(reply));
  // Behind the end of an answer, which the template writes too.
  std::vector<ChatMessage> messages{{.role = Role::user, .content = "?"},
                                    {.role = Role::assistant, .content = "!"}};
  const auto before = chat_->encode(messages, {.add_generation_prompt = false});
  messages.push_back({.role = Role::user, .content = std::string(reply)});
  const auto all = chat_->encode(messages);
  const auto length = std::find(before.rbegin(), before.rend(), end_).base() - before.begin();
  if (length == 0 || std::ssize(all) < length ||
      !std::equal(all.begin(), all.begin() + length, before.begin()))
    fail("the chat format {} does not end an answer by the token that ends a message",
         chat_->format()->name());
  return {all.begin() + length, all.end()};
}

}  // namespace dsa::rl
