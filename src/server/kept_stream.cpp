#include "server/kept_stream.h"

#include <fmt/format.h>

#include <utility>

#include "base/numeric.h"
#include "server/sse.h"

namespace dsa::server {
namespace {

constexpr std::string_view kEnd = "\n\n";

}  // namespace

void KeptStream::write(std::string_view events) {
  const std::scoped_lock lock(mutex_);
  const std::size_t before = text_.size();
  for (std::size_t end = 0; (end = events.find(kEnd)) != std::string_view::npos;) {
    begins_.push_back(text_.size());
    text_ += fmt::format("id: {}\n", next_++);
    text_ += events.substr(0, end + kEnd.size());
    events.remove_prefix(end + kEnd.size());
  }
  if (const auto to = follower_) to->write(std::string_view(text_).substr(before));
  if (lost_ || text_.size() > most_bytes_) {
    lost_ = true;
    text_.clear();
    begins_.clear();
  }
}

void KeptStream::end() {
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  alone_since_ = Clock::now();
  if (follower_) std::exchange(follower_, nullptr)->end();
}

bool KeptStream::follow(const std::shared_ptr<Exchange>& exchange, HttpAnswer head, std::int64_t from) {
  const std::scoped_lock lock(mutex_);
  if (from < 0 || from > next_ || (lost_ && from < next_)) return false;
  if (const auto before = std::exchange(follower_, nullptr)) before->end();
  exchange->begin(std::move(head), std::string(kSseKeepAlive));
  if (from < next_) {
    const auto missed = std::string_view(text_).substr(begins_[usize(from)]);
    exchange->allow(missed.size());
    exchange->write(missed);
  }
  if (ended_) {
    exchange->end();
    return true;
  }
  follower_ = exchange;
  alone_since_ = std::nullopt;
  exchange->on_gone([weak = weak_from_this(), gone = exchange.get()] {
    if (const auto kept = weak.lock()) kept->leave(gone);
  });
  return true;
}

// Unless another one came meanwhile.

void KeptStream::leave(const Exchange* exchange) {
  const std::scoped_lock lock(mutex_);
  if (follower_.get() != exchange) return;
  follower_ = nullptr;
  alone_since_ = Clock::now();
}

std::optional<KeptStream::Clock::time_point> KeptStream::alone_since() const {
  const std::scoped_lock lock(mutex_);
  return alone_since_;
}

}  // namespace dsa::server
