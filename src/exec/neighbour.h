// Whether others want the cores that a team computes on.
#pragma once

#include <chrono>
#include <optional>

namespace dsa {

/// When a worker had better rest.  An op is over when its last range is, and a worker from which the system
/// takes its core within one keeps all others waiting for a time slice, again and again: with a busy
/// neighbour, two threads are slower than one.  Pure; one thread at a time.
class RestRule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  /// A look less than this after the last one says nothing.
  static constexpr std::chrono::milliseconds kLeastSpan{2};
  /// What is older says nothing of now.
  static constexpr std::chrono::milliseconds kLongestSpan{200};
  /// Of the time, ready to run and without a core: past this a neighbour is busy.
  static constexpr double kShare = 0.2;
  static constexpr std::chrono::milliseconds kFirstRest{20}, kLongestRest{160};

  /// The team has just waited for somebody.  `delayed`: how long this thread stood ready without a core since
  /// it began.  How long it is to rest now; twice as long each time that nothing has changed.
  Duration look(std::chrono::nanoseconds delayed, Time now);

 private:
  struct Seen {
    std::chrono::nanoseconds delayed;
    Time at;
  };
  std::optional<Seen> last_;
  Duration rest_{0};
};

/// How long the thread that made this stood ready to run without a core, as Linux counts it
/// (/proc/thread-self/schedstat).  One thread at a time; read from another one it is still the first one's.
class RunDelay {
 public:
  RunDelay();
  ~RunDelay();
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;
  /// Nothing: the system does not say.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> read() const;

 private:
  int file_;
};

}  // namespace dsa
