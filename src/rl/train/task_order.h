// Which tasks a step of a training by reward plays.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dsa::rl {

/// Places of tasks (TaskSource::training()): new ones in order, and again those that taught something, oldest
/// first.  A task that is always solved, or never, teaches nothing: of those that taught once, more do.
struct TaskOrder {
  std::int64_t next = 0;                   // the first that was never played
  std::vector<std::int64_t> waiting = {};  // they taught something when played last

  /// Of a step of `tasks`: those that wait, up to the share `again`, then new ones.
  [[nodiscard]] std::vector<std::int64_t> step(std::int64_t tasks, double again) const;
  /// They were played, and those in `taught`, ascending numbers of them, taught something.  With `again` > 0
  /// these wait for their turn, but for the oldest where too many do.
  void played(std::span<const std::int64_t> places, std::span<const std::size_t> taught, double again);
};

}  // namespace dsa::rl
