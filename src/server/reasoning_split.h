// An answer's reasoning, parted from its content while both still grow.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/chat_format.h"

namespace dsa::server {

/// The parts of all push() and of finish(), joined, are those of ChatPrompt::as_message(), however the text
/// was cut into pieces.  One thread at a time.
class ReasoningSplit {
 public:
  /// `begun`: the prompt ended inside the reasoning.  Without marks everything is content.
  ReasoningSplit(const std::optional<ReasoningMarks>& marks, bool begun);

  struct Parts {
    std::string reasoning;
    std::string content;
  };
  [[nodiscard]] Parts push(std::string_view text);
  /// The text is over: what had been held back, as the beginning of a mark.
  [[nodiscard]] Parts finish();
  [[nodiscard]] bool in_reasoning() const { return state_ == State::reasoning; }

 private:
  enum class State : std::uint8_t { undecided, reasoning, content };

  ReasoningMarks marks_;
  bool begun_;
  State state_;
  std::string held_;
};

}  // namespace dsa::server
