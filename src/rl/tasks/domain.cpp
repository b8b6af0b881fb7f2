#include "rl/tasks/domain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "rl/tasks/makers.h"
#include "rl/tasks/task_file.h"

namespace dsa::rl {
namespace {

const std::array<Domain, 6> kDomains{{
    {.name = "counting",
     .summary = "how often a letter stands in a word",
     .instruction = "Spell the word letter by letter and count. End with a line \"answer: NUMBER\".",
     .make = make_counting},
    {.name = "mathematics",
     .summary = "sums, products, remainders, linear equations, worked out in steps",
     .instruction = "Work it out step by step. End with a line \"answer: NUMBER\".",
     .make = make_mathematics},
    {.name = "programming",
     .summary = "programs of a small stack language that pass tests nobody is shown",
     .instruction =
         "Write a program of a stack language in postfix order. Words: numbers, a, b, + - * / % min max = < "
         "> neg dup drop swap over, CONDITION if X else Y end, COUNT times X end (i counts from 1), "
         "while CONDITION do X end. It leaves one value. End with a line \"answer: PROGRAM\".",
     .make = make_programming},
    {.name = "logic",
     .summary = "who stands where in a line, knights and knaves, values that make clauses true",
     .instruction =
         "Knights always tell the truth, knaves always lie. Think step by step. End with a line "
         "\"answer: NAME\", \"answer: NAME knight, NAME knave\" or \"answer: p=1 q=0\", as is asked.",
     .make = make_logic},
    {.name = "coding",
     .summary = "a toy repository whose tests fail, to be read, edited and run",
     .instruction =
         "Mend a definition of the stack language. End each message with a line \"run:\" (the tests), "
         "\"read: a.t\" (a file), \"edit: a.t 2 : a1 5 + ;\" (its line 2 becomes that), or, when all "
         "tests pass, \"answer: done\".",
     .make = make_coding},
    {.name = "search",
     .summary = "questions of several hops over facts that can only be searched",
     .instruction = "Look facts up: a line \"search: boss of Mira\" at the end of your message finds some. "
                    "When you know the answer, end with a line \"answer: WORD\".",
     .make = make_search},
}};

}  // namespace

std::span<const Domain> domains() { return kDomains; }

const Domain& find_domain(std::string_view name) {
  const auto found = std::ranges::find(kDomains, name, &Domain::name);
  if (found != kDomains.end()) return *found;
  if (name.ends_with(kTaskFileEnd)) return file_domain(std::string(name));
  std::string names;
  for (const auto& domain : kDomains) names += (names.empty() ? "" : ", ") + std::string(domain.name);
  fail("domain {}: there is none of that name: give one of {}, or a file of tasks, NAME{}", printable(name),
       names, kTaskFileEnd);
}

std::unique_ptr<const Task> make_task(const Domain& domain, const TaskId& id) {
  if (id.difficulty < 0 || id.difficulty > kHardest)
    fail("{}: difficulty {}: expected 0 to {}", domain.name, id.difficulty, kHardest);
  if (id.number < 0) fail("{}: task number {}: expected 0 or more", domain.name, id.number);
  if (id.context < 0 || id.context > kLongestTask)
    fail("{}: a context of {} bytes: expected 0 to {}", domain.name, id.context, kLongestTask);
  return domain.make(id);
}

Transcript play(const Task& task, std::span<const std::string> messages) {
  Transcript out;
  const auto episode = task.begin();
  for (const auto& message : messages) {
    out.messages.push_back(message);
    auto reply = episode->reply(message);
    if (!reply) break;
    out.replies.push_back(std::move(*reply));
  }
  out.score = episode->score();
  return out;
}

}  // namespace dsa::rl
