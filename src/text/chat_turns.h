// What a user says in the conversations that a model writes for its own training.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/draws.h"
#include "text/passages.h"

namespace dsa {

/// The user of one conversation: a function of its arguments and calls.  One thread at a time.
class ChatTurns {
 public:
  /// Of conversation `number`, which is to have `tokens` tokens.  `passages` must outlive this.
  ChatTurns(const Passages& passages, std::int64_t tokens, std::uint64_t seed, std::int64_t number);

  /// Bytes of a turn besides its passage, at most, with what a chat format writes around turn and answer.
  static constexpr std::int64_t kFrame = 256;

  /// A passage of at most `room` bytes and something to do with it, or a question that points back to what
  /// was said before.  The first has a passage, however small the room.
  std::string next(std::int64_t room);
  /// A passage of at least `bytes` and something to do with it.
  std::string closing(std::int64_t bytes);

 private:
  // How a passage that was given is spoken of later.
  struct Given {
    std::string begins;  // its first words
    std::string topic;   // a long word out of it; empty: it has none
  };
  std::string about(std::string_view passage);
  std::string follow_up();

  const Passages& passages_;
  std::int64_t least_, most_;  // bytes of a passage
  Draws draws_;
  std::vector<Given> given_;
};

}  // namespace dsa
