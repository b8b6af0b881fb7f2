// How long something took.
#pragma once

#include <chrono>

namespace dsa {

/// Runs from its construction on, by the clock that nobody sets.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }
  [[nodiscard]] double milliseconds() const { return seconds() * 1000; }
  /// Starts anew.
  void restart() { start_ = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

}  // namespace dsa
