// Which tasks a step is made of: a pure function of the settings and of the task's place in the training.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rl/episodes/wording.h"
#include "rl/train/settings.h"

namespace dsa::rl {

class TaskSource {
 public:
  /// `domains` must outlive it.
  TaskSource(std::span<const DomainShare> domains, const TaskSettings& settings)
      : domains_(domains), settings_(settings) {}

  struct Drawn {
    const Domain* domain = nullptr;
    std::unique_ptr<const Task> task;
    Style style = Style::steps;
    [[nodiscard]] Seat seat() const {
      return {.task = task.get(), .style = style, .instruction = domain->instruction};
    }
  };
  /// Task number `place` of the training.
  [[nodiscard]] Drawn training(std::int64_t place) const { return draw(place, kTrainingSeed, 0); }
  /// Of those that are never trained on.
  [[nodiscard]] Drawn held_out(std::int64_t place) const { return draw(place, kHeldOutSeed, 1); }

 private:
  static constexpr std::uint64_t kHeldOutSeed = kTrainingSeed + 1;
  [[nodiscard]] Drawn draw(std::int64_t place, std::uint64_t seed, std::uint64_t stream) const;

  std::span<const DomainShare> domains_;
  TaskSettings settings_;
};

}  // namespace dsa::rl
