// A grammar and the answer that is held to it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "grammar/grammar.h"

namespace dsa {

/// What the grammar of one request, all its choices together, may take of the thread that all answers share.
/// Ambiguous grammars take longer with every token, without end.  In milliseconds of the processor: what
/// others do on the machine does not count.  One thread at a time.
class GrammarTime {
 public:
  static constexpr double kMs = 100, kMsPerToken = 2;

  void spend(double ms) { left_ += kMsPerToken - ms; }
  [[nodiscard]] bool over() const { return left_ < 0; }

 private:
  double left_ = kMs;
};

/// Before each token that is chosen: restrict(); after it: accept().  One thread at a time.
class AnswerGrammar {
 public:
  /// `stop_tokens` end an answer: they are permitted where its text is whole.  `vocabulary`: logits of a row.
  AnswerGrammar(const Grammar& grammar, std::span<const std::int32_t> stop_tokens, std::int64_t vocabulary,
                std::shared_ptr<GrammarTime> time = std::make_shared<GrammarTime>());

  /// What may not come next becomes -infinity, whatever it was: everything, once it is too slow.
  void restrict(std::span<float> logits);
  /// A token of the text, permitted by restrict().
  void accept(std::int32_t token);
  /// The text is whole: if no token can be chosen the answer is over, and good.
  [[nodiscard]] bool complete() const { return state_->complete(); }
  /// Its time is over: it cannot be followed further.
  [[nodiscard]] bool too_slow() const { return time_->over(); }

 private:
  std::unique_ptr<GrammarState> state_;
  std::shared_ptr<GrammarTime> time_;
  std::vector<std::int32_t> stop_tokens_;
  std::vector<std::uint32_t> bits_;
  double masked_ms_ = 0;  // what the last mask took
};

}  // namespace dsa
