#include "engine/ask.h"

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace dsa {
namespace {

constexpr auto kLookAtCancel = std::chrono::milliseconds(20);

// Events on their way from the engine's thread.
class Events {
 public:
  void push(Event&& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    arrived_.notify_one();
  }
  /// Nothing if none came for a while.
  std::optional<Event> wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, most, [&] { return !events_.empty(); })) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
};

// Puts events together to an answer.
class Collector {
 public:
  Collector(Answer& answer, const AnswerCallbacks& callbacks) : answer_(answer), callbacks_(callbacks) {}

  void operator()(const Reading& reading) const {
    if (callbacks_.on_reading) callbacks_.on_reading(reading.done, reading.total);
  }
  void operator()(const PromptToken&) const {}
  void operator()(const Selected&) const {}
  void operator()(const NewToken& token) {
    if (token.stops) return;
    answer_.tokens.push_back(token.id);
    add(token.text);
  }
  void operator()(const Finished& finished) {
    add(finished.text);
    answer_.finish_reason = finished.reason;
    answer_.error = finished.error;
    answer_.timings = finished.timings;
    answer_.attention = finished.attention;
    over_ = true;
  }
  [[nodiscard]] bool over() const { return over_; }

 private:
  void add(const std::string& text) {
    answer_.text += text;
    if (callbacks_.on_text && !text.empty()) callbacks_.on_text(text);
  }

  Answer& answer_;
  const AnswerCallbacks& callbacks_;
  bool over_ = false;
};

}  // namespace

Answer ask(Engine& engine, Request request, const AnswerCallbacks& callbacks,
           const std::atomic<bool>& cancel) {
  const auto events = std::make_shared<Events>();  // the engine may be done with it later than this call
  const Handle handle =
      engine.submit(std::move(request), [events](Event&& event) { events->push(std::move(event)); });
  Answer answer;
  Collector collect(answer, callbacks);
  try {
    while (!collect.over()) {
      if (cancel.load(std::memory_order_relaxed)) handle.cancel();
      if (const auto event = events->wait(kLookAtCancel); event && event->choice == 0)
        std::visit(collect, event->what);
    }
  } catch (...) {  // a callback's
    handle.cancel();
    throw;
  }
  return answer;
}

}  // namespace dsa
