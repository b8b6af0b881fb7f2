#include "rl/tasks/task_file.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/who.h"

namespace dsa::rl {
namespace {

std::string_view text_in(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.size()};
}

std::string text_of(const nlohmann::json& line, const char* member, bool required, const std::string& who) {
  const auto found = line.find(member);
  if (found == line.end() && !required) return {};
  if (found == line.end() || !found->is_string()) fail("{}: expected a text \"{}\"", who, member);
  return found->get<std::string>();
}

AnswerParts parts_of(std::string_view json, const std::string& who) {
  const auto line = parse_json(json, who);
  if (!line.is_object()) fail("{}: expected an object with \"prompt\" and \"answer\"", who);
  AnswerParts parts{.prompt = text_of(line, "prompt", true, who),
                    .steps = text_of(line, "steps", false, who),
                    .answer = text_of(line, "answer", true, who)};
  // What could not be written as an answer could not be right.
  const std::string solution = with_answer(parts.steps, parts.answer);
  const ReadMessage read = read_message(solution);
  if (!read.action || read.action->argument.empty() || read.action->argument != parts.answer)
    fail("{}: the answer {} cannot be written on a line behind \"{}\"", who, printable(parts.answer),
         kAnswerMark);
  if (parts.prompt.size() > static_cast<std::size_t>(kLongestTask))
    fail("{}: the prompt has {} bytes, expected at most {}", who, parts.prompt.size(), kLongestTask);
  return parts;
}

}  // namespace

TaskFile::TaskFile(const std::filesystem::path& path) : TaskFile(text_in(MappedFile(path)), who(path)) {}

TaskFile::TaskFile(std::string_view text, const std::string& who) {
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const auto length = std::min(text.find('\n'), text.size());
    if (text.substr(0, length).find_first_not_of(" \t\r") != std::string_view::npos)
      tasks_.push_back(parts_of(text.substr(0, length), fmt::format("{} line {}", who, number)));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  if (tasks_.empty()) fail("{}: no tasks, expected a line of JSON for each", who);
}

std::unique_ptr<const Task> TaskFile::task(std::int64_t number) const {
  DSA_CHECK(number >= 0);
  const auto at = static_cast<std::size_t>(number % size());
  return answer_task({.seed = 0, .number = number}, tasks_[at]);
}

}  // namespace dsa::rl
