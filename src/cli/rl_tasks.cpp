// dsa rl tasks DOMAIN: tasks as a model sees them, with a solution, or with answers that are judged.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "cli/checks.h"
#include "cli/rl.h"
#include "cli/terminal.h"
#include "rl/tasks/domain.h"
#include "rl/tasks/task_file.h"

namespace dsa::cli {
namespace {

using rl::Domain;
using rl::Task;
using rl::Transcript;

struct TaskOrder {
  std::string domain;
  rl::TaskId first;
  std::int64_t count = 1;
  std::string file;
  std::vector<std::string> answers;
  bool brief = false;
  bool json = false;
};

void print_domains(bool json) {
  auto list = nlohmann::ordered_json::array();
  std::string text;
  for (const auto& domain : rl::domains()) {
    text += fmt::format("{:<12} {}\n", domain.name, domain.summary);
    list.push_back({{"name", domain.name}, {"summary", domain.summary}, {"instruction", domain.instruction}});
  }
  print(json ? json_text(nlohmann::ordered_json{{"domains", list}}, 2) + "\n" : text);
}

Transcript played(const Task& task, const TaskOrder& o) {
  if (!o.answers.empty()) return rl::play(task, o.answers);
  return rl::play(task, task.solution(o.brief ? rl::Style::brief : rl::Style::steps));
}

// As it is shown: of a domain, or of a file.
void add_task(nlohmann::ordered_json& list, std::string_view from, const Task& task,
              const Transcript& played) {
  const rl::TaskId& id = task.id();
  nlohmann::ordered_json json{{"domain", from},
                              {"seed", id.seed},
                              {"number", id.number},
                              {"difficulty", id.difficulty},
                              {"context", id.context},
                              {"messages", nlohmann::ordered_json::array()},
                              {"score", played.score.value},
                              {"reason", played.score.reason}};
  const auto add = [&](const char* role, const std::string& content) {
    json["messages"].push_back({{"role", role}, {"content", content}});
  };
  add("user", task.prompt());
  for (std::size_t i = 0; i < played.messages.size(); ++i) {
    add("assistant", played.messages[i]);
    if (i < played.replies.size()) add("user", played.replies[i]);
  }
  list.push_back(std::move(json));
}

std::string task_text(std::string_view from, const Task& task, const Transcript& played) {
  std::string text = fmt::format("--- {} {}, difficulty {}\n{}\n", from, task.id().number,
                                 task.id().difficulty, task.prompt());
  for (std::size_t i = 0; i < played.messages.size(); ++i) {
    text += fmt::format("--- model\n{}\n", played.messages[i]);
    if (i < played.replies.size()) text += fmt::format("--- task\n{}\n", played.replies[i]);
  }
  return text + fmt::format("--- score {:.2f}: {}\n\n", played.score.value, played.score.reason);
}

int rl_tasks(const TaskOrder& o) {
  if (o.domain.empty() && o.file.empty()) {
    print_domains(o.json);
    return kDone;
  }
  std::optional<rl::TaskFile> file;
  const Domain* domain = nullptr;
  if (o.file.empty())
    domain = &rl::find_domain(o.domain);
  else
    file.emplace(o.file);
  const std::string_view from = file ? "file" : domain->name;
  nlohmann::ordered_json json{{"tasks", nlohmann::ordered_json::array()}};
  for (std::int64_t i = 0; i < o.count; ++i) {
    rl::TaskId id = o.first;
    id.number += i;
    const auto task = file ? file->task(id.number) : rl::make_task(*domain, id);
    const Transcript transcript = played(*task, o);
    if (o.json)
      add_task(json["tasks"], from, *task, transcript);
    else
      print(task_text(from, *task, transcript));
  }
  if (o.json) print(json_text(json, 2) + "\n");
  return kDone;
}

}  // namespace

Action declare_rl_tasks(Command command) {
  auto o = std::make_shared<TaskOrder>();
  o->first.seed = 0;
  const Option domain =
      command.add_option("domain", o->domain, "a domain by name; without one: what domains there are")
          .type_name("DOMAIN");
  command.add_option("--file", o->file, "tasks of a file, a line {\"prompt\": ..., \"answer\": ...} each")
      .type_name("FILE")
      .excludes(domain);
  command.add_option("--seed", o->first.seed, "tasks of another seed are others; training takes 1")
      .check(whole<std::uint64_t>())
      .show_default();
  command.add_option("--number", o->first.number, "of the first task")
      .check(whole<std::int64_t>(0, 1'000'000'000))
      .show_default();
  command.add_option("--count", o->count, "tasks").check(whole<std::int64_t>(1, 100'000)).show_default();
  command.add_option("--difficulty", o->first.difficulty, "0: trivial")
      .check(whole(0, rl::kHardest))
      .show_default();
  command.add_option("--context", o->first.context, "bytes that the prompt is stretched to, at least")
      .check(whole<std::int64_t>(0, rl::kLongestTask))
      .show_default();
  command.add_option("--answer", o->answers, "messages of a model to judge in place of a solution, in order")
      .type_name("TEXT...");
  command.add_flag("--brief", o->brief, "solutions without their steps");
  command.add_flag("--json", o->json, "as JSON: of each task its messages, the score and why");
  command.footer(
      "Examples:\n"
      "  dsa rl tasks counting --count 3 --difficulty 5\n"
      "  dsa rl tasks counting --answer \"answer: 2\"\n");
  return [o] { return rl_tasks(*o); };
}

}  // namespace dsa::cli
