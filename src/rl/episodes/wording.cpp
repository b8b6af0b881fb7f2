#include "rl/episodes/wording.h"

#include <string>

#include "base/error.h"

namespace dsa::rl {
namespace {

std::vector<std::int32_t> line(const Tokenizer& tokenizer, std::string text) {
  return tokenizer.encode(text + "\n", SpecialTokens::as_text);
}

}  // namespace

Wording::Wording(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
  if (tokenizer.eos_ids().empty())
    fail(
        "the tokenizer has no token that ends a text (eos_token in tokenizer_config.json): "
        "a message could not end");
  end_ = tokenizer.eos_ids().front();
}

std::vector<std::int32_t> Wording::prompt(std::string_view prompt, Style style) const {
  std::vector<std::int32_t> out;
  if (const auto bos = tokenizer_.bos()) out.push_back(*bos);
  const auto text = line(tokenizer_, std::string(prompt) + (style == Style::brief ? "\nbrief" : ""));
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

std::vector<std::int32_t> Wording::message(std::string_view message) const {
  auto out = tokenizer_.encode(message, SpecialTokens::as_text);
  out.push_back(end_);
  return out;
}

std::vector<std::int32_t> Wording::reply(std::string_view reply) const {
  return line(tokenizer_, std::string(reply));
}

}  // namespace dsa::rl
