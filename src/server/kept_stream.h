// A stream that outlives its connection, so that another one can take it up.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/exchange.h"

namespace dsa::server {

/// Numbers its events from 0 on ("id: 7"), keeps them, and sends them to whoever follows it: one connection
/// at a time, the last that came.  Thread-safe.
class KeptStream : public std::enable_shared_from_this<KeptStream> {
 public:
  using Clock = std::chrono::steady_clock;

  /// A stream longer than that goes on, but cannot be taken up any more.
  explicit KeptStream(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Whole events, each ending in an empty line.
  void write(std::string_view events);
  void end();

  /// Begins a stream on `exchange` with the events from `from` on, and then what comes.  False, and nothing
  /// is begun: they are not there.
  bool follow(const std::shared_ptr<Exchange>& exchange, HttpAnswer head, std::int64_t from);
  /// Since when nobody follows it, or since when it has ended; none: it is being followed.
  [[nodiscard]] std::optional<Clock::time_point> alone_since() const;

 private:
  void leave(const Exchange* exchange);

  const std::size_t most_bytes_;
  // Recursive: a write may find that the follower is too slow, who then leaves.
  mutable std::recursive_mutex mutex_;
  std::string text_;                 // with the numbers
  std::vector<std::size_t> begins_;  // of each event, in text_
  std::int64_t next_ = 0;            // event's number
  bool lost_ = false;                // too long: nothing is kept
  bool ended_ = false;
  std::shared_ptr<Exchange> follower_;
  std::optional<Clock::time_point> alone_since_ = Clock::now();
};

}  // namespace dsa::server
