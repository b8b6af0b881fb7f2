// A grammar and the answer that is held to it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "grammar/grammar.h"

namespace dsa {

/// Before each token that is chosen: restrict(); after it: accept().  One thread at a time.
class AnswerGrammar {
 public:
  /// `stop_tokens` end an answer: they are permitted where its text is whole.  `vocabulary`: logits of a row.
  AnswerGrammar(const Grammar& grammar, std::span<const std::int32_t> stop_tokens, std::int64_t vocabulary);

  /// What may not come next becomes -infinity, whatever it was.
  void restrict(std::span<float> logits);
  /// A token of the text, permitted by restrict().
  void accept(std::int32_t token);
  /// The text is whole: if no token can be chosen the answer is over, and good.
  [[nodiscard]] bool complete() const { return state_->complete(); }

 private:
  std::unique_ptr<GrammarState> state_;
  std::vector<std::int32_t> stop_tokens_;
  std::vector<std::uint32_t> bits_;
};

}  // namespace dsa
