// What the catalogue is made of: a function a domain, each in a file of its name.
#pragma once

#include <memory>

#include "base/draws.h"
#include "rl/tasks/domain.h"

namespace dsa::rl {

std::unique_ptr<const Task> make_counting(const TaskId& id);
std::unique_ptr<const Task> make_mathematics(const TaskId& id);
std::unique_ptr<const Task> make_programming(const TaskId& id);
std::unique_ptr<const Task> make_logic(const TaskId& id);
std::unique_ptr<const Task> make_search(const TaskId& id);
std::unique_ptr<const Task> make_coding(const TaskId& id);

/// (Arguments of a call are made in any order: each draw is a statement of its own, or stands within braces.)
/// The draws of a task: its domain's own.
inline Draws draws_of(const TaskId& id, std::uint64_t domain) {
  return {id.seed * 0x100 + domain,
          static_cast<std::uint64_t>(id.number) * 16 + static_cast<std::uint64_t>(id.difficulty)};
}

}  // namespace dsa::rl
