#include "server/exchange.h"

#include <utility>

namespace dsa::server {

void Exchange::send(HttpAnswer answer) {
  const std::scoped_lock lock(mutex_);
  if (phase_ != Phase::waiting) return;
  head_ = std::move(answer);
  phase_ = Phase::ended;
  on_gone_ = nullptr;
  wake();
}

void Exchange::begin(HttpAnswer head, std::string keep_alive) {
  const std::scoped_lock lock(mutex_);
  if (phase_ != Phase::waiting) return;
  head_ = std::move(head);
  keep_alive_ = std::move(keep_alive);
  is_stream_ = true;
  phase_ = Phase::streaming;
  wake();
}

void Exchange::write(std::string_view text) {
  std::function<void()> then;
  {
    const std::scoped_lock lock(mutex_);
    if (phase_ != Phase::streaming || dropped_ || text.empty()) return;
    if (text_.size() + text.size() > unread_bytes_) {
      dropped_ = true;
      gone_ = true;
      text_ = {};
      then = std::exchange(on_gone_, nullptr);
    } else {
      text_ += text;
    }
    wake();
  }
  if (then) then();
}

void Exchange::end() {
  const std::scoped_lock lock(mutex_);
  if (phase_ != Phase::streaming) return;
  phase_ = Phase::ended;
  on_gone_ = nullptr;
  wake();
}

void Exchange::allow(std::size_t bytes) {
  const std::scoped_lock lock(mutex_);
  unread_bytes_ += bytes;
}

void Exchange::on_gone(std::function<void()> then) {
  {
    const std::scoped_lock lock(mutex_);
    if (phase_ == Phase::ended) return;
    if (!gone_) {
      on_gone_ = std::move(then);
      return;
    }
  }
  then();
}

Exchange::Output Exchange::take() {
  const std::scoped_lock lock(mutex_);
  return {.head = std::exchange(head_, std::nullopt),
          .stream = is_stream_,
          .text = std::exchange(text_, {}),
          .end = phase_ == Phase::ended,
          .dropped = dropped_};
}

std::string Exchange::keep_alive() const {
  const std::scoped_lock lock(mutex_);
  return keep_alive_;
}

bool Exchange::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

void Exchange::set_wake(std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  wake_ = std::move(wake);
}

void Exchange::vanish() {
  std::function<void()> then;
  {
    const std::scoped_lock lock(mutex_);
    if (gone_ || phase_ == Phase::ended) return;
    gone_ = true;
    then = std::exchange(on_gone_, nullptr);
  }
  if (then) then();
}

void Exchange::detach() {
  const std::scoped_lock lock(mutex_);
  wake_ = nullptr;
  dropped_ = true;  // what still comes is not kept
  text_ = {};
}

}  // namespace dsa::server
