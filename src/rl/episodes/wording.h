// How a task's conversation stands in tokens.
//
// For a model that reads plain text:
//   BOS  prompt \n  message EOS  reply \n  message EOS ...
// For one with a chat format, as its own template has it: what its domain asks for is the system's message,
// the prompt and each reply are the user's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/chat_prompt.h"
#include "rl/tasks/domain.h"
#include "tokenizer/tokenizer.h"

namespace dsa::rl {

/// A task as a model meets it.
struct Seat {
  const Task* task = nullptr;
  Style style = Style::steps;
  std::string_view instruction = {};  // of its domain; plain text leaves it out
};

class Wording {
 public:
  /// Plain text.  `tokenizer` must outlive it.  Throws Error if it has no token that ends a text.
  explicit Wording(const Tokenizer& tokenizer);
  /// A grouped-query model is asked in its chat format, if it has one; others read plain text.  Throws Error
  /// if the format is not known.
  Wording(const ModelConfig& model, const Tokenizer& tokenizer);

  /// What the model goes on from; in `brief` style it is asked for an answer without its steps.
  [[nodiscard]] std::vector<std::int32_t> prompt(const Seat& seat) const;
  /// What the model writes, with the token that ends it.
  [[nodiscard]] std::vector<std::int32_t> message(std::string_view message) const;
  /// What stands between the end of a message and the next one.
  [[nodiscard]] std::vector<std::int32_t> reply(std::string_view reply) const;
  [[nodiscard]] std::int32_t end() const { return end_; }
  [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  const Tokenizer& tokenizer_;
  std::optional<ChatPrompt> chat_;  // none: plain text
  std::int32_t end_ = 0;
};

}  // namespace dsa::rl
