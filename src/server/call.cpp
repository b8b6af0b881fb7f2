#include "server/call.h"

#include <utility>

#include "base/numeric.h"
#include "server/sse.h"

namespace dsa::server {
namespace {

constexpr std::size_t kMostKept = 4 << 20;

ApiError unwritten_error() {
  return {503, "ledger_unavailable", "the ledger cannot be written: the answer ends here, and costs nothing"};
}

}  // namespace

HttpAnswer stream_head(HttpHeaders headers) {
  headers.emplace_back("Cache-Control", "no-cache");
  headers.emplace_back("X-Accel-Buffering", "no");
  return {.type = std::string(kEventStream), .headers = std::move(headers)};
}

Call::Call(std::shared_ptr<Exchange> exchange, std::unique_ptr<AnswerWriter> writer, HttpHeaders headers,
           Metrics& metrics, OnFinished on_finished, std::unique_ptr<accounts::Bill> bill)
    : exchange_(std::move(exchange)),
      writer_(std::move(writer)),
      headers_(std::move(headers)),
      metrics_(metrics),
      on_finished_(std::move(on_finished)),
      bill_(std::move(bill)) {}

// Not locked while submitting: an engine that answers at once does not wait for us.
void Call::start(HeldModel model, Plan plan) {
  const auto self = shared_from_this();
  model_ = std::move(model);
  Engine& engine = model_->engine;
  choices_ = usize(plan.requests.front().choices);
  stream_ = plan.stream;
  if (plan.resumable) kept_ = std::make_shared<KeptStream>(kMostKept);
  clocks_.resize(plan.requests.size() * choices_);
  if (bill_) tally_.emplace(plan.requests.size(), choices_);
  try {
    for (std::size_t i = 0; i < plan.requests.size(); ++i)
      handles_.push_back(engine.submit(std::move(plan.requests[i]),
                                       [self, i](Event&& event) { self->take(i, std::move(event)); }));
  } catch (const RequestError& error) {
    for (const Handle& handle : handles_) handle.cancel();
    const std::scoped_lock lock(mutex_);
    ended_ = told_ = true;
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
  gone_ = true;
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
  if (bill_) tally_->take(prompt, event);
  if (finished == nullptr) return;
  metrics_.finished(clock, *finished);
  if (on_finished_) on_finished_(*finished);
  if (!bill_) return;
  failed_ = failed_ || fault_of(*finished).has_value();
  writer_->set_cost({.amount = failed_ ? 0 : bill_->cost(tally_->total()), .currency = bill_->currency()});
}

// Through the ledger, if there is one, and so is all that follows: nothing overtakes.
void Call::deliver(std::string text) {
  if (text.empty()) return;
  if (!bill_) return write(text);
  if (!gone_) sent_ = tally_->told();
  bill_->advance(sent_, [self = shared_from_this(), text = std::move(text)](bool written) {
    self->unsent_ += text;
    if (!written) return self->abandon(unwritten_error());
    self->write(std::exchange(self->unsent_, {}));
  });
}

accounts::BillEnd Call::how_it_ended() const {
  if (gone_) return accounts::BillEnd::left;
  return failed_ ? accounts::BillEnd::failed : accounts::BillEnd::whole;
}

void Call::conclude(accounts::BillEnd how, const std::function<void()>& tell) {
  if (!bill_) {
    tell();
    return told();
  }
  const bool free = how == accounts::BillEnd::failed;
  bill_->settle(how, gone_ ? sent_ : tally_->total(), [self = shared_from_this(), tell, free](bool written) {
    written || free ? tell() : self->fail(unwritten_error());
    self->told();
  });
}

// Last: without the model there may be no engine any more.
void Call::told() {
  told_ = true;
  model_ = nullptr;
}

void Call::fail(const ApiError& why) {
  if (!stream_) return send(writer_->fault_answer(why));
  write(writer_->fault_event(why));
  end();
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
  std::string text = writer_->push(prompt, std::move(event));
  if (!writer_->finished()) return stream_ ? deliver(std::move(text)) : void();
  ended_ = true;
  const auto self = shared_from_this();
  if (!stream_) return conclude(how_it_ended(), [self, answer = writer_->whole()] { self->send(answer); });
  text += writer_->end();
  conclude(how_it_ended(), [self, text] {
    self->write(std::exchange(self->unsent_, {}) + text);
    self->end();
  });
}

void Call::abandon(const ApiError& why) {
  const std::scoped_lock lock(mutex_);
  if (ended_ || !started_) return;
  ended_ = true;
  for (const Handle& handle : handles_) handle.cancel();
  failed_ = true;
  conclude(how_it_ended(), [self = shared_from_this(), why] { self->fail(why); });
}

bool Call::is_of(const Caller* caller) const {
  const Caller* own = exchange_->caller.get();
  if (own == nullptr || caller == nullptr) return own == caller;
  return own->key.owner == caller->key.owner;
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

}  // namespace dsa::server
