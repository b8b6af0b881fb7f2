// Tasks from elsewhere: a file with a line of JSON for each, {"prompt": "...", "answer": "..."}, and "steps"
// if they are known.  Other members are for other readers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rl/tasks/domain.h"
#include "rl/tasks/message.h"

namespace dsa::rl {

/// Immutable.
class TaskFile {
 public:
  /// Throws Error: it cannot be read, no line at all, a line that is no such object, an answer that is blank,
  /// has several lines or says "answer:".
  explicit TaskFile(const std::filesystem::path& path);
  TaskFile(std::string_view text, const std::string& who);

  [[nodiscard]] std::int64_t size() const { return std::ssize(tasks_); }
  /// Task `number`, counted round and round; right is the answer's own text.
  [[nodiscard]] std::unique_ptr<const Task> task(std::int64_t number) const;
  /// Task id.number of those that are trained on, or, of another seed than kTrainingSeed, of the others: the
  /// first line of each ten.  Needs two tasks or more.
  [[nodiscard]] std::unique_ptr<const Task> task(const TaskId& id) const;

 private:
  std::vector<AnswerParts> tasks_;
};

inline constexpr std::string_view kTaskFileEnd = ".jsonl";
/// The tasks of a file as a domain, which has the path for a name; read once.  Difficulty and context change
/// nothing.  From any thread.  Throws Error.
const Domain& file_domain(const std::string& path);

}  // namespace dsa::rl
