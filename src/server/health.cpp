#include "server/health.h"

#include <utility>

namespace dsa::server {

bool HealthWatch::healthy(const EngineStatus& status, Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  const bool busy = status.queued + status.reading + status.writing > 0;
  const bool moved = std::exchange(steps_, status.steps) != status.steps;
  if (!busy)
    busy_since_ = std::nullopt;
  else if (moved || !busy_since_)
    busy_since_ = now;
  return !busy_since_ || now - *busy_since_ <= kPatience;
}

}  // namespace dsa::server
