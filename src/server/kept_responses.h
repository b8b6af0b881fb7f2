// Responses that a later request goes on from, or asks for: OpenAI's `store` and `previous_response_id`.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace dsa::server {

struct KeptLimits {
  std::size_t bytes = std::size_t{64} << 20;  // of all together
  std::size_t responses = 10'000;
  std::chrono::seconds time = std::chrono::hours(24);  // since it was answered
};

/// In memory: the server's end forgets them.  Thread-safe.
class KeptResponses {
 public:
  using Clock = std::chrono::steady_clock;
  explicit KeptResponses(KeptLimits limits = {}) : limits_(limits) {}

  struct Response {
    std::string owner;  // who alone finds it
    std::string body;   // as it was answered, JSON
    /// The conversation to its end, as chat's messages without instructions: a list of JSON.
    std::string messages;
    std::string items = {};  // what it was answered to, with all that it went on from: a list of JSON
  };
  /// The oldest make room; one that is larger than all may be is not kept.
  void keep(const std::string& id, Response response, Clock::time_point now = Clock::now());
  /// Nothing: it is not there, or another's.
  [[nodiscard]] std::optional<Response> find(const std::string& id, const std::string& owner,
                                             Clock::time_point now = Clock::now());
  /// False: it is not there, or another's.
  bool forget(const std::string& id, const std::string& owner, Clock::time_point now = Clock::now());
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Kept {
    std::string id;
    Response response;
    std::size_t bytes = 0;
    Clock::time_point until;
  };
  using Place = std::list<Kept>::iterator;
  void expire(Clock::time_point now);
  void drop(Place place);
  Place look_up(const std::string& id, const std::string& owner, Clock::time_point now);

  KeptLimits limits_;
  mutable std::mutex mutex_;
  std::list<Kept> kept_;  // the oldest first
  std::unordered_map<std::string, Place> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace dsa::server
