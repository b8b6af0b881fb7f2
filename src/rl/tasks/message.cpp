#include "rl/tasks/message.h"

#include <algorithm>

#include "base/error.h"

namespace dsa::rl {
namespace {

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool says_more_than_once(std::string_view text, std::string_view mark) {
  const auto first = text.find(mark);
  return first != std::string_view::npos && text.find(mark, first + 1) != std::string_view::npos;
}

class AnswerTask final : public Task {
 public:
  AnswerTask(const TaskId& id, AnswerParts parts)
      : Task(id, std::move(parts.prompt)), parts_(std::move(parts)) {}

  [[nodiscard]] std::unique_ptr<Episode> begin() const override;
  [[nodiscard]] std::vector<std::string> solution(Style style) const override {
    return {with_answer(style == Style::steps ? parts_.steps : "", parts_.answer)};
  }
  [[nodiscard]] Score judge(std::string_view message) const {
    const ReadMessage read = read_message(message);
    if (!read.action) return {.value = 0, .reason = read.fault};
    const auto answer = read.action->argument;
    if (parts_.wrong) {
      if (auto wrong = parts_.wrong(answer)) return {.value = 0, .reason = std::move(*wrong)};
    } else if (answer != parts_.answer) {
      return {.value = 0, .reason = "wrong answer"};
    }
    return {.value = 1, .reason = "right"};
  }

 private:
  AnswerParts parts_;
};

class AnswerEpisode final : public Episode {
 public:
  explicit AnswerEpisode(const AnswerTask& task) : task_(task) {}
  std::optional<std::string> reply(std::string_view message) override {
    DSA_CHECK(!over_);
    over_ = true;
    score_ = task_.judge(message);
    return std::nullopt;
  }
  [[nodiscard]] Score score() const override { return score_; }

 private:
  const AnswerTask& task_;
  Score score_{.value = 0, .reason = "not over"};
  bool over_ = false;
};

std::unique_ptr<Episode> AnswerTask::begin() const { return std::make_unique<AnswerEpisode>(*this); }

}  // namespace

ReadMessage read_message(std::string_view message, std::span<const std::string_view> verbs) {
  if (message.size() > kLongestMessage) return {.action = {}, .fault = "too long"};
  const auto text = without_blanks(message);
  if (text.empty()) return {.action = {}, .fault = "empty"};
  if (says_more_than_once(text, kAnswerMark)) return {.action = {}, .fault = "several answers"};
  const auto newline = text.rfind('\n');
  const auto line = newline == std::string_view::npos ? text : text.substr(newline + 1);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return {.action = {}, .fault = "no answer"};
  const Action action{.verb = line.substr(0, colon), .argument = without_blanks(line.substr(colon + 1))};
  const bool answers = line.starts_with(kAnswerMark);
  if (!answers && text.find(kAnswerMark) != std::string_view::npos)
    return {.action = {}, .fault = "an answer and a call"};
  if (!answers && std::ranges::find(verbs, action.verb) == verbs.end())
    return {.action = {}, .fault = "no answer"};
  return {.action = action, .fault = {}};
}

std::string with_answer(std::string_view steps, std::string_view answer) {
  std::string text(steps);
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text.append(kAnswerMark).append(" ").append(answer);
}

std::unique_ptr<const Task> answer_task(const TaskId& id, AnswerParts parts) {
  return std::make_unique<AnswerTask>(id, std::move(parts));
}

}  // namespace dsa::rl
