#include "rl/rewards/rubric.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/draws.h"
#include "rl/rewards/language.h"
#include "rl/tasks/message.h"

namespace dsa::rl {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto length = std::min(text.find('\n'), text.size());
    if (length > 0) lines.emplace_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return lines;
}

bool says_something_twice(const std::vector<std::string>& messages) {
  std::set<std::string> said;
  for (const auto& message : messages) {
    auto lines = lines_of(message);
    const bool calls = !lines.empty() && !lines.back().starts_with(kAnswerMark);
    if (calls) lines.pop_back();
    for (auto& line : lines)
      if (!said.insert(std::move(line)).second) return true;
  }
  return false;
}

// Ways to be wrong, or worse than need be.
void spoil(std::vector<std::string>& messages, const std::string& other_answer, Draws& draws) {
  std::string& last = messages.back();
  switch (draws.below(6)) {
    case 0:
    case 1:
      if (last.ends_with(other_answer) && messages.size() > 1)  // all of its domain's answers are the same
        messages.erase(messages.begin() + draws.below(std::ssize(messages) - 1));
      else
        last = last.substr(0, last.rfind(kAnswerMark)) + other_answer;
      return;
    case 2:
      last = last.substr(0, last.rfind(kAnswerMark));
      return;
    case 3:
      last += "\n" + other_answer;
      return;
    case 4: {
      const auto at = static_cast<std::size_t>(draws.below(std::ssize(messages)));
      messages[at] = lines_of(messages[at]).front() + "\n" + messages[at];
      return;
    }
    default:
      for (auto& message : messages)
        message = mixed_languages(message, 0.5, static_cast<std::uint64_t>(draws.below(1 << 20)));
  }
}

}  // namespace

std::vector<RubricLine> rubric_of(const Transcript& attempt) {
  const auto& messages = attempt.messages;
  std::string all;
  for (const auto& message : messages) all += message + "\n";
  const auto last = messages.empty() ? ReadMessage{} : read_message(messages.back());
  const bool steps =
      std::ranges::any_of(messages, [](const auto& message) { return lines_of(message).size() > 1; });
  return {{kRubric[0], attempt.score.value == 1},
          {kRubric[1], last.action.has_value()},
          {kRubric[2], steps},
          {kRubric[3], language_share(all, Language::english) == 1},
          {kRubric[4], !says_something_twice(messages)}};
}

double rubric_score(std::span<const RubricLine> lines) {
  if (lines.empty()) return 0;
  return static_cast<double>(std::ranges::count_if(lines, &RubricLine::yes)) /
         static_cast<double>(lines.size());
}

Transcript drawn_attempt(const Domain& domain, const TaskId& id, std::uint64_t seed) {
  Draws draws(seed, static_cast<std::uint64_t>(id.number));
  const auto task = make_task(domain, id);
  auto messages = task->solution(draws.below(3) > 0 ? Style::steps : Style::brief);
  if (draws.below(3) == 0) return play(*task, messages);
  TaskId other = id;
  other.number += 1 + draws.below(1000);
  spoil(messages, make_task(domain, other)->solution(Style::brief).back(), draws);
  return play(*task, messages);
}

std::string judged_text(const Task& task, const Transcript& attempt, std::string_view question) {
  std::string text = task.prompt() + "\n";
  for (std::size_t i = 0; i < attempt.messages.size(); ++i) {
    text += fmt::format("---\n{}\n", attempt.messages[i]);
    if (i < attempt.replies.size()) text += attempt.replies[i] + "\n";
  }
  return text + fmt::format("---\n{}?", question);
}

}  // namespace dsa::rl
