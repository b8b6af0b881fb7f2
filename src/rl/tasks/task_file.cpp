#include "rl/tasks/task_file.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

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

constexpr std::int64_t kOneOf = 10;  // lines is for evaluation

/// A file's tasks as a domain; neither moves.
struct FileDomain {
  explicit FileDomain(const std::string& path)
      : name(path),
        file(path),
        domain{.name = name,
               .summary = "tasks of a file",
               .instruction = "End with a line \"answer: ANSWER\".",
               .make = [this](const TaskId& id) { return file.task(id); }} {
    if (file.size() < 2)
      fail("{}: holds one task, expected two or more: a tenth of them is for evaluation", who(path));
  }
  std::string name;
  TaskFile file;
  Domain domain;
};

}  // namespace

const Domain& file_domain(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const FileDomain>> read;
  const std::lock_guard lock(mutex);
  auto& place = read[path];
  if (!place) place = std::make_unique<const FileDomain>(path);
  return place->domain;
}

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

std::unique_ptr<const Task> TaskFile::task(const TaskId& id) const {
  DSA_CHECK(size() >= 2 && id.number >= 0);
  const std::int64_t kept = (size() + kOneOf - 1) / kOneOf;
  const bool trained = id.seed == kTrainingSeed;
  const std::int64_t i = id.number % (trained ? size() - kept : kept);
  const std::int64_t at = trained ? i / (kOneOf - 1) * kOneOf + i % (kOneOf - 1) + 1 : i * kOneOf;
  return answer_task(id, tasks_[static_cast<std::size_t>(at)]);
}

}  // namespace dsa::rl
