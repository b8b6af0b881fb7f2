#include "server/call.h"

#include "base/numeric.h"
#include "server/sse.h"

namespace dsa::server {
namespace {

constexpr std::size_t kMostKept = 4 << 20;

HttpAnswer stream_head(HttpHeaders headers) {
  headers.emplace_back("Cache-Control", "no-cache");
  headers.emplace_back("X-Accel-Buffering", "no");
  return {.type = std::string(kEventStream), .headers = std::move(headers)};
}

}  // namespace

Call::Call(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerWriter> writer, HttpHeaders headers,
           Metrics& metrics, OnFinished on_finished)
    : exchange_(std::move(exchange)),
      writer_(std::move(writer)),
      headers_(std::move(headers)),
      metrics_(metrics),
      on_finished_(std::move(on_finished)) {}

// Not locked while submitting: an engine that answers at once does not wait for us.
void Call::start(Engine& engine, Plan plan) {
  const auto self = shared_from_this();
  choices_ = usize(plan.requests.front().choices);
  stream_ = plan.stream;
  if (plan.resumable) kept_ = std::make_shared<KeptStream>(kMostKept);
  clocks_.resize(plan.requests.size() * choices_);
  try {
    for (std::size_t i = 0; i < plan.requests.size(); ++i)
      handles_.push_back(engine.submit(std::move(plan.requests[i]),
                                       [self, i](Event&& event) { self->take(i, std::move(event)); }));
  } catch (const RequestError& error) {
    for (const Handle& handle : handles_) handle.cancel();
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    throw refused_by_engine(error);
  }
  {
    const std::scoped_lock lock(mutex_);
    started_ = true;
    if (kept_) kept_->follow(exchange_, stream_head(headers_), 0);
    if (stream_ && !kept_) exchange_->begin(stream_head(headers_), std::string(kSseKeepAlive));
    if (stream_) write(writer_->begin());
    for (Early& early : early_) process(early.prompt, std::move(early.event));
    early_.clear();
  }
  if (!kept_) exchange_->on_gone([self] { self->cancel(); });
}

void Call::write(std::string_view events) { kept_ ? kept_->write(events) : exchange_->write(events); }
void Call::end() { kept_ ? kept_->end() : exchange_->end(); }

// Without the lock: a write may find that the client is too slow.
void Call::cancel() {
  metrics_.client_gone();
  for (const Handle& handle : handles_) handle.cancel();
}

void Call::send(HttpAnswer answer) {
  answer.headers.insert(answer.headers.end(), headers_.begin(), headers_.end());
  exchange_->send(std::move(answer));
}

void Call::note(std::size_t prompt, const Event& event) {
  TokenClock& clock = clocks_[prompt * choices_ + usize(event.choice)];
  if (std::holds_alternative<NewToken>(event.what)) metrics_.token(clock);
  const auto* finished = std::get_if<Finished>(&event.what);
  if (finished == nullptr) return;
  metrics_.finished(clock, *finished);
  if (on_finished_) on_finished_(*finished);
}

void Call::take(std::size_t prompt, Event&& event) {
  const std::scoped_lock lock(mutex_);
  if (started_)
    process(prompt, std::move(event));
  else if (!ended_)
    early_.push_back({prompt, std::move(event)});
}

void Call::process(std::size_t prompt, Event&& event) {
  if (ended_) return;
  note(prompt, event);
  const std::string text = writer_->push(prompt, std::move(event));
  if (stream_) write(text);
  if (!writer_->finished()) return;
  ended_ = true;
  if (!stream_) return send(writer_->whole());
  write(writer_->end());
  end();
}

void Call::abandon(const ApiError& why) {
  const std::scoped_lock lock(mutex_);
  if (ended_ || !started_) return;
  ended_ = true;
  for (const Handle& handle : handles_) handle.cancel();
  if (!stream_) return send(writer_->fault_answer(why));
  write(writer_->fault_event(why));
  end();
}

bool Call::follow(const std::shared_ptr<Exchange>& exchange, HttpHeaders headers, std::int64_t from) {
  return kept_ && kept_->follow(exchange, stream_head(std::move(headers)), from);
}

bool Call::expired(std::chrono::seconds kept) {
  if (!kept_) return true;
  const auto alone = kept_->alone_since();
  if (!alone || KeptStream::Clock::now() - *alone < kept) return false;
  if (!ended()) cancel();
  return true;
}

bool Call::ended() const {
  const std::scoped_lock lock(mutex_);
  return ended_;
}

}  // namespace dsa::server
