// Calls of tools as they were sampled.  A client sends them back as names and arguments, and a template may
// write those otherwise than the model did: then the next prompt would part from the cache where the call
// began.  Put back token for token it goes on from the answer's end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "chat/chat_format.h"

namespace dsa::server {

/// A prompt, so that it is known again.
struct PromptMark {
  std::size_t tokens = 0;
  std::array<std::byte, 32> digest = {};
  friend bool operator==(const PromptMark&, const PromptMark&) = default;
};
PromptMark mark_of(std::span<const std::int32_t> prompt);

/// Thread-safe.
class KeptCalls {
 public:
  /// Of answers, together; the oldest go first.
  static constexpr std::size_t kMostTokens = 1 << 20;
  explicit KeptCalls(std::size_t most_tokens = kMostTokens) : most_tokens_(most_tokens) {}

  struct Answer {
    PromptMark prompt;
    std::vector<std::int32_t> tokens;  // without the one that ended it
    std::int32_t end = 0;
    std::string reasoning, content;  // as the client was told them
    std::vector<ToolCall> calls;     // not empty
  };
  void keep(Answer answer);

  /// Puts those answers of the conversation back that the client did not change and that came behind the
  /// same tokens.  `prompt`: the conversation's.
  void restore(std::span<const ChatMessage> messages, const Tokenizer& tokenizer,
               std::vector<std::int32_t>& prompt) const;

 private:
  std::size_t most_tokens_;
  mutable std::mutex mutex_;
  std::list<Answer> answers_;                                           // the oldest first
  std::unordered_map<std::string, std::list<Answer>::iterator> by_id_;  // of their first calls
  std::size_t tokens_ = 0;
};

}  // namespace dsa::server
