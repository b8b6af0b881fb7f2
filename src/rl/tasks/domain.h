// Tasks that are made from a seed and judged by rules: what a model is trained on by reward.  Texts are short
// and regular, so that a model of a few million parameters can write them.  docs/recipe.md has an example of
// each domain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsa::rl {

inline constexpr int kHardest = 9;
inline constexpr std::int64_t kLongestTask = 1 << 16;       // bytes that a prompt can be stretched to
inline constexpr std::size_t kLongestMessage = 16 * 1024;   // bytes of a message that are looked at
inline constexpr std::size_t kLongestReply = 1024;          // bytes that a tool answers
inline constexpr std::uint64_t kTrainingSeed = 1;           // tasks of other seeds are for evaluation
inline constexpr std::string_view kAnswerMark = "answer:";  // begins a message's last line: the answer

/// Which task of its domain: the task is a pure function of it.
struct TaskId {
  std::uint64_t seed = kTrainingSeed;
  std::int64_t number = 0;   // from 0 on
  int difficulty = 0;        // 0: trivial, to kHardest
  std::int64_t context = 0;  // the prompt is stretched by what does not matter to at least so many bytes
  friend bool operator==(const TaskId&, const TaskId&) = default;
};

struct Score {
  double value = 0;    // 0 to 1; 1: solved
  std::string reason;  // "right", "wrong answer", "no answer", ...: of a few words, to be counted
};

/// A model at work on a task: its messages and the answers of the task's tools, which run in this process and
/// touch nothing outside.  Bounded in turns, steps and bytes, whatever the messages are.  A task without
/// tools is over after one message.  One thread at a time; it must not outlive its task.
class Episode {
 public:
  virtual ~Episode() = default;
  /// The model's next message, any bytes; what is answered to it, nullopt: the episode is over.  A message
  /// behind its end is a bug.
  virtual std::optional<std::string> reply(std::string_view message) = 0;
  /// Of an episode that is not over: 0.
  [[nodiscard]] virtual Score score() const = 0;
};

/// A solution with its steps written out, or the bare answer (and calls of tools).
enum class Style : std::uint8_t { steps, brief };

/// Immutable: any number of threads may share one.  What the right answer is, its domain keeps to itself.
class Task {
 public:
  Task(const TaskId& id, std::string prompt) : id_(id), prompt_(std::move(prompt)) {}
  virtual ~Task() = default;

  [[nodiscard]] const TaskId& id() const { return id_; }
  /// What a user says; one message.
  [[nodiscard]] const std::string& prompt() const { return prompt_; }
  /// The most messages that a model can send; 1: there are no tools.
  [[nodiscard]] virtual int turns() const { return 1; }
  [[nodiscard]] virtual std::unique_ptr<Episode> begin() const = 0;
  /// A model's messages in order, which score 1: to learn from before there are rewards.
  [[nodiscard]] virtual std::vector<std::string> solution(Style style) const = 0;

 private:
  TaskId id_;
  std::string prompt_;
};

struct Domain {
  std::string_view name;
  std::string_view summary;
  std::string_view instruction;  // for a model that was not taught it: a system message
  /// Of an id that make_task() has checked.
  std::function<std::unique_ptr<const Task>(const TaskId& id)> make;
};

/// All of them, in one order.
std::span<const Domain> domains();
/// By name, or of a file of tasks, "folder/tasks.jsonl" (task_file.h), which stays in memory.  Throws Error:
/// there is none, with the names; what is wrong with the file.
const Domain& find_domain(std::string_view name);
/// Throws Error: a difficulty or a context out of range, a negative number.
std::unique_ptr<const Task> make_task(const Domain& domain, const TaskId& id);

/// A whole episode of given messages, as a conversation: prompt, message, reply, message, ...
struct Transcript {
  std::vector<std::string> messages;  // those that were taken: none behind the episode's end
  std::vector<std::string> replies;   // one to each message but the last, or to each if it is not over
  Score score;
};
Transcript play(const Task& task, std::span<const std::string> messages);

}  // namespace dsa::rl
