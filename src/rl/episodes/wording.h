// How a task's conversation stands in tokens, for a model that reads plain text:
//   BOS  prompt \n  message EOS  reply \n  message EOS ...
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rl/tasks/domain.h"
#include "tokenizer/tokenizer.h"

namespace dsa::rl {

class Wording {
 public:
  /// `tokenizer` must outlive it.  Throws Error if it has no token that ends a text.
  explicit Wording(const Tokenizer& tokenizer);

  /// What the model goes on from; a line "brief" behind the prompt asks for an answer without its steps.
  [[nodiscard]] std::vector<std::int32_t> prompt(std::string_view prompt, Style style) const;
  /// What the model writes, with the token that ends it.
  [[nodiscard]] std::vector<std::int32_t> message(std::string_view message) const;
  [[nodiscard]] std::vector<std::int32_t> reply(std::string_view reply) const;
  [[nodiscard]] std::int32_t end() const { return end_; }
  [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  const Tokenizer& tokenizer_;
  std::int32_t end_ = 0;
};

}  // namespace dsa::rl
