// Many requests at once: what `dsa run`, `dsa chat`, `dsa serve` and rollouts stand on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "engine/request.h"

namespace dsa {

/// Why a request was not taken.
enum class Refused : std::uint8_t {
  invalid,         // a parameter, a token or the way of attending
  context_length,  // the prompt does not fit
  queue_full,
  draining,
};
class RequestError : public Error {
 public:
  RequestError(Refused why, const std::string& sentence) : Error(sentence), why_(why) {}
  [[nodiscard]] Refused why() const { return why_; }

 private:
  Refused why_;
};

/// A request on its way.  Cheap to copy; may outlive the engine.
class Handle {
 public:
  explicit Handle(std::shared_ptr<std::atomic<bool>> cancelled) : cancelled_(std::move(cancelled)) {}
  /// Its answers end as `cancelled` within one step, wherever they are.  From any thread.
  void cancel() const { cancelled_->store(true, std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> cancelled_;
};

/// What an engine is doing; counts are since it began.
struct EngineStatus {
  std::int64_t queued = 0, reading = 0, writing = 0;         // answers
  std::int64_t pages = 0, pages_free = 0, pages_cached = 0;  // of the cache; cached: held by no answer
  std::int64_t steps = 0;                                    // forward passes
  double pass_ms = 0, indexer_ms = 0;                        // that they took; of it, the indexer
  std::chrono::steady_clock::time_point last_step = {};      // when the last one ended
  std::int64_t prompt_tokens = 0, computed_tokens = 0;       // of prompts; of them, really computed
  std::int64_t ram_tokens = 0, disk_tokens = 0;              // of them, found
  std::int64_t written_tokens = 0;
  std::int64_t drafted_tokens = 0, accepted_tokens = 0;  // guesses of those, and the ones that held
  std::int64_t finished[5] = {};                         // by FinishReason
  std::int64_t put_away = 0;                             // answers that had to make room for others
  AttentionCounters attention = {};
  bool draining = false;
};

/// Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Throws RequestError; then no event comes.
  virtual Handle submit(Request request, EventSink sink) = 0;
  [[nodiscard]] virtual EngineStatus status() const = 0;  // an answer is counted before its end is told
  /// From now on requests are refused; those that run may finish for `wait`, then they end as `cancelled`.
  /// Does not block; never needs the engine's thread.
  virtual void drain(std::chrono::milliseconds wait) = 0;
};

}  // namespace dsa
