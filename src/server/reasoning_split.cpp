#include "server/reasoning_split.h"

#include <utility>

#include "chat/call_reader.h"

namespace dsa::server {

ReasoningSplit::ReasoningSplit(const std::optional<ReasoningMarks>& marks, bool begun)
    : marks_(marks.value_or(ReasoningMarks{})),
      begun_(begun),
      state_(marks ? State::undecided : State::content) {}

ReasoningSplit::Parts ReasoningSplit::push(std::string_view text) {
  Parts parts;
  held_ += text;
  if (state_ == State::undecided) {
    if (held_.size() < marks_.begin.size() && marks_.begin.starts_with(held_)) return parts;
    const bool marked = held_.starts_with(marks_.begin);
    if (marked) held_.erase(0, marks_.begin.size());
    state_ = marked || begun_ ? State::reasoning : State::content;
  }
  if (state_ == State::reasoning) {
    const auto end = held_.find(marks_.end);
    const std::size_t safe = end != std::string::npos ? end : held_.size() - beginning_of(marks_.end, held_);
    parts.reasoning = held_.substr(0, safe);
    held_.erase(0, safe);
    if (end == std::string::npos) return parts;
    held_.erase(0, marks_.end.size());
    state_ = State::content;
  }
  parts.content = std::exchange(held_, {});
  return parts;
}

ReasoningSplit::Parts ReasoningSplit::finish() {
  const bool reasons = state_ == State::reasoning || (state_ == State::undecided && begun_);
  std::string rest = std::exchange(held_, {});
  return reasons ? Parts{.reasoning = std::move(rest), .content = {}}
                 : Parts{.reasoning = {}, .content = std::move(rest)};
}

}  // namespace dsa::server
