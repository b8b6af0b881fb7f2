#include "engine/threaded_engine.h"

#include <exception>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace dsa {
namespace {

constexpr std::chrono::milliseconds kStoreIsBusy{10}, kSaveAtEnd{10'000};

std::int64_t bytes_of(const Request& request) {
  return std::ssize(request.prompt) * static_cast<std::int64_t>(sizeof(std::int32_t));
}

}  // namespace

ThreadedEngine::ThreadedEngine(Runner& runner, const Tokenizer& tokenizer, EngineOptions options,
                               QueueLimits queue)
    : engine_(runner, tokenizer, options), limits_(queue), clock_(options.clock), status_(engine_.status()) {
  thread_ = std::thread([this] { work(); });
}

ThreadedEngine::~ThreadedEngine() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Handle ThreadedEngine::submit(Request request, EventSink sink) {
  engine_.check(request);
  auto cancelled = std::make_shared<std::atomic<bool>>(false);
  // Who has an answer's end finds it counted.
  auto counted_sink = [this, sink = std::move(sink)](Event&& event) {
    if (std::holds_alternative<Finished>(event.what)) publish();
    sink(std::move(event));
  };
  const auto submission = std::make_shared<const Submission>(
      Submission{std::move(request), std::move(counted_sink), cancelled, clock_()});
  {
    const std::lock_guard lock(mutex_);
    if (drain_until_ || stop_)
      throw RequestError(Refused::draining, "the engine is about to end: it takes no more requests");
    if (queued_ >= limits_.requests || queued_bytes_ + bytes_of(submission->request) > limits_.bytes)
      throw RequestError(Refused::queue_full,
                         fmt::format("{} requests wait already: try again later", queued_));
    ++queued_;
    queued_bytes_ += bytes_of(submission->request);
    submitted_.push_back(submission);
  }
  changed_.notify_all();
  return Handle(std::move(cancelled));
}

EngineStatus ThreadedEngine::status() const {
  const std::lock_guard lock(mutex_);
  EngineStatus out = status_;
  out.queued = queued_;
  out.draining = drain_until_.has_value();
  return out;
}

void ThreadedEngine::drain(std::chrono::milliseconds wait) {
  {
    const std::lock_guard lock(mutex_);
    const EngineTime until = clock_() + wait;
    drain_until_ = drain_until_ ? std::min(*drain_until_, until) : until;
  }
  changed_.notify_all();
}

bool ThreadedEngine::take_new() {
  std::deque<std::shared_ptr<const Submission>> taken;
  bool over = false, cut = false;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(submitted_);
    over = stop_;
    cut = stop_ || (drain_until_ && clock_() >= *drain_until_);
  }
  for (auto& submission : taken) engine_.add(std::move(submission));
  if (cut) engine_.cancel_all();
  return !over;
}

void ThreadedEngine::publish() {
  const std::lock_guard lock(mutex_);
  status_ = engine_.status();
  queued_ = status_.queued + std::ssize(submitted_);
  queued_bytes_ = engine_.waiting_bytes();
  for (const auto& submission : submitted_) queued_bytes_ += bytes_of(submission->request);
}

void ThreadedEngine::work() {
  while (take_new()) {
    bool busy = false;
    try {
      busy = engine_.step();
    } catch (const std::exception& error) {
      warn("the engine failed, and its answers with it: {}", error.what());
      engine_.fail_all(error.what());
    }
    publish();
    if (busy) continue;
    std::unique_lock lock(mutex_);
    const auto something = [&] { return stop_ || !submitted_.empty(); };
    if (engine_.has_unsaved())
      changed_.wait_for(lock, kStoreIsBusy, something);
    else
      changed_.wait(lock, something);
  }
  save_rest();
}

// What was read once shall be found by the next program.
void ThreadedEngine::save_rest() {
  const auto end = clock_() + kSaveAtEnd;
  while (engine_.has_unsaved() && clock_() < end)
    if (!engine_.step()) std::this_thread::sleep_for(kStoreIsBusy);
}

}  // namespace dsa
