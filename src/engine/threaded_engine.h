// The engine with its thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/step_engine.h"

namespace dsa {

struct QueueLimits {
  std::int64_t requests = 1024;                  // that wait to be looked at or read
  std::int64_t bytes = std::int64_t{256} << 20;  // of their prompts
};

/// One thread runs plan, pass, sampling and events; submit() and the rest may be called from any.
class ThreadedEngine final : public Engine {
 public:
  /// `runner` and `tokenizer` must outlive it, and are used by its thread alone (the tokenizer by others
  /// too).
  ThreadedEngine(Runner& runner, const Tokenizer& tokenizer, EngineOptions options, QueueLimits queue = {});
  /// Ends what runs as `cancelled`.
  ~ThreadedEngine() override;

  Handle submit(Request request, EventSink sink) override;
  [[nodiscard]] EngineStatus status() const override;
  void drain(std::chrono::milliseconds wait) override;

 private:
  void work();
  /// False: it is time to go.
  bool take_new();
  void publish();
  void save_rest();

  StepEngine engine_;
  QueueLimits limits_;
  std::function<EngineTime()> clock_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::shared_ptr<const Submission>> submitted_;
  // Not yet begun, submitted_ included and those that a step under way looks at; the bytes of their prompts.
  std::int64_t queued_ = 0, queued_bytes_ = 0;
  EngineStatus status_;
  std::optional<EngineTime> drain_until_;
  bool stop_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace dsa
