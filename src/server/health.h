// Whether an engine still moves: progress, not load.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "engine/engine.h"

namespace dsa::server {

/// Thread-safe.
class HealthWatch {
 public:
  using Clock = std::chrono::steady_clock;
  /// An engine with work that makes no step for so long is stuck.
  static constexpr std::chrono::seconds kPatience{120};

  /// True unless the engine was busy and made no step since looks longer ago than the patience.
  bool healthy(const EngineStatus& status, Clock::time_point now);

 private:
  std::mutex mutex_;
  std::int64_t steps_ = 0;
  std::optional<Clock::time_point> busy_since_;  // with so many steps; none: it was idle
};

}  // namespace dsa::server
