// What a model's message says: its last line is a call of a tool or the answer, all before it is thought.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/tasks/domain.h"

namespace dsa::rl {

/// "search: Mira": verb "search", argument "Mira".
struct Action {
  std::string_view verb;
  std::string_view argument;  // without blanks around it
};
struct ReadMessage {
  std::optional<Action> action;  // a view of the message
  std::string fault;             // why there is none
};
/// `verbs`: those that a last line may begin with; "answer" always may, and stands on one line alone, so that
/// nobody lists all answers.
ReadMessage read_message(std::string_view message, std::span<const std::string_view> verbs = {});

/// An answer, not a call.
[[nodiscard]] inline bool message_answers(const Action& action) {
  return action.verb == kAnswerMark.substr(0, kAnswerMark.size() - 1);
}

/// "answer: 42", behind the steps if there are any.
std::string with_answer(std::string_view steps, std::string_view answer);

/// A task without tools.
struct AnswerParts {
  std::string prompt;
  std::string steps;   // lines
  std::string answer;  // a right one
  /// nullopt: right; else what is wrong.  None given: the answer must be the same text.
  std::function<std::optional<std::string>(std::string_view answer)> wrong = {};
};
std::unique_ptr<const Task> answer_task(const TaskId& id, AnswerParts parts);

}  // namespace dsa::rl
