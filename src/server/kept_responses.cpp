#include "server/kept_responses.h"

#include <utility>

namespace dsa::server {

void KeptResponses::drop(Place place) {
  bytes_ -= place->bytes;
  by_id_.erase(place->id);
  kept_.erase(place);
}

void KeptResponses::expire(Clock::time_point now) {
  while (!kept_.empty() && kept_.front().until <= now) drop(kept_.begin());
}

void KeptResponses::keep(const std::string& id, Response response, Clock::time_point now) {
  constexpr std::size_t kBesides = 512;  // what one takes beside its texts
  const std::size_t bytes =
      response.body.size() + response.messages.size() + response.items.size() + kBesides;
  const std::scoped_lock lock(mutex_);
  expire(now);
  if (bytes > limits_.bytes || limits_.responses == 0 || by_id_.contains(id)) return;
  while (bytes_ + bytes > limits_.bytes || kept_.size() >= limits_.responses) drop(kept_.begin());
  kept_.push_back({.id = id, .response = std::move(response), .bytes = bytes, .until = now + limits_.time});
  by_id_.emplace(id, std::prev(kept_.end()));
  bytes_ += bytes;
}

KeptResponses::Place KeptResponses::look_up(const std::string& id, const std::string& owner,
                                            Clock::time_point now) {
  expire(now);
  const auto found = by_id_.find(id);
  const bool own = found != by_id_.end() && found->second->response.owner == owner;
  return own ? found->second : kept_.end();
}

std::optional<KeptResponses::Response> KeptResponses::find(const std::string& id, const std::string& owner,
                                                           Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  const Place place = look_up(id, owner, now);
  if (place == kept_.end()) return std::nullopt;
  return place->response;
}

bool KeptResponses::forget(const std::string& id, const std::string& owner, Clock::time_point now) {
  const std::scoped_lock lock(mutex_);
  const Place place = look_up(id, owner, now);
  if (place == kept_.end()) return false;
  drop(place);
  return true;
}

std::size_t KeptResponses::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace dsa::server
