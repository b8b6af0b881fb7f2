// How much of a key's requests, tokens and places at a time is left, in this process.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "accounts/key.h"

namespace dsa::accounts {

/// Fills up evenly, a minute from empty to full; may owe.
class Bucket {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// What is in it at `now`, which holds `most`.
  double level(double most, Time now);
  void take(double amount) { level_ -= amount; }
  /// Seconds until there is `amount` in it, of what level() said last.
  [[nodiscard]] double wait_s(double amount) const;

 private:
  double most_ = -1;  // nothing asked yet
  double level_ = 0;
  Time seen_ = {};
};

enum class Limit : std::uint8_t { requests, tokens, concurrency };
std::string_view name(Limit limit);  // "requests a minute", ...

/// What a client is told of a limit; a key without one has none.
struct Standing {
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  double reset_s = 0;  // until it is full again
};
struct Standings {
  std::optional<Standing> requests;
  std::optional<Standing> tokens;
};
struct Refusal {
  Limit limit = Limit::requests;
  std::int64_t most = 0;
  double wait_s = 0;
};

/// Of all keys.  Thread-safe.
class Allowances {
 public:
  using Time = Bucket::Time;

  /// A request with a prompt of that many tokens begins; or why it may not, and nothing is counted.  It is
  /// let in while there is a token left: what it takes beyond that is owed by the requests behind it.
  std::optional<Refusal> enter(const Key& key, std::int64_t prompt_tokens, Time now);
  /// It has ended, with answers of that many tokens.
  void leave(const std::string& id, std::int64_t answer_tokens);
  Standings standings(const Key& key, Time now);

 private:
  struct State {
    Bucket requests, tokens;
    std::int64_t running = 0;
  };
  std::mutex mutex_;
  std::map<std::string, State> states_;
};

}  // namespace dsa::accounts
