// How fast an engine reads and writes, of late.
#pragma once

#include <chrono>
#include <deque>

#include "engine/engine.h"

namespace dsa::server {

/// Tokens a second of wall-clock time, all answers together.
struct Speed {
  double read = 0;
  double written = 0;
};

/// Over the last ten notes.  Not thread-safe.
class SpeedWatch {
 public:
  using Clock = std::chrono::steady_clock;

  void note(const EngineStatus& status, Clock::time_point now) {
    notes_.push_back({now, status.computed_tokens, status.written_tokens});
    if (notes_.size() > kNotes) notes_.pop_front();
  }
  [[nodiscard]] Speed speed() const {
    if (notes_.size() < 2) return {};
    const Note &first = notes_.front(), &last = notes_.back();
    const double s = std::chrono::duration<double>(last.time - first.time).count();
    if (s <= 0) return {};
    return {.read = static_cast<double>(last.read - first.read) / s,
            .written = static_cast<double>(last.written - first.written) / s};
  }

 private:
  static constexpr std::size_t kNotes = 11;
  struct Note {
    Clock::time_point time;
    std::int64_t read, written;
  };
  std::deque<Note> notes_;
};

}  // namespace dsa::server
