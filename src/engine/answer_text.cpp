#include "engine/answer_text.h"

#include <utility>

namespace dsa {

AnswerText::AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stop_strings, bool show_special)
    : decoder_(tokenizer, /*skip_special=*/!show_special),
      stop_strings_(std::move(stop_strings)),
      stops_(stop_strings_) {}

std::string AnswerText::push(std::int32_t token, bool may_stop) {
  std::string text = decoder_.push(token);
  return may_stop ? std::string(stops_.push(text)) : text;
}

std::optional<std::string> AnswerText::stopped() const {
  if (const auto which = stops_.matched()) return stop_strings_[*which];
  return std::nullopt;
}

std::string AnswerText::finish() {
  std::string text(stops_.push(decoder_.flush()));
  text += stops_.finish();
  return text;
}

}  // namespace dsa
