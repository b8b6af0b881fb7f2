#include "sampling/stop_matcher.h"

#include <utility>

#include "base/error.h"

namespace dsa {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)), nodes_(1) {
  if (stops_.size() > kMaxStops) fail("stop: {} stop strings, expected at most {}", stops_.size(), kMaxStops);
  for (std::size_t i = 0; i < stops_.size(); ++i) {
    const std::string& stop = stops_[i];
    if (stop.empty()) fail("stop: stop string {} is empty, expected at least one character", i);
    if (stop.size() > kMaxStopBytes)
      fail("stop: stop string {} has {} bytes, expected at most {}", i, stop.size(), kMaxStopBytes);
    // A stop that began inside a character could make push() cut one in two.
    if ((static_cast<unsigned char>(stop[0]) & 0xC0) == 0x80)
      fail("stop: stop string {} ({}) begins in the middle of a UTF-8 character", i, printable(stop));
    insert(stop, i);
  }
  link();
}

std::int32_t StopMatcher::child(std::int32_t node, char byte) const {
  std::int32_t c = nodes_[static_cast<std::size_t>(node)].child;
  while (c >= 0 && nodes_[static_cast<std::size_t>(c)].byte != byte)
    c = nodes_[static_cast<std::size_t>(c)].sibling;
  return c;
}

void StopMatcher::insert(std::string_view stop, std::size_t index) {
  std::int32_t at = 0;
  for (const char byte : stop) {
    std::int32_t next = child(at, byte);
    if (next < 0) {
      next = static_cast<std::int32_t>(nodes_.size());
      Node& parent = nodes_[static_cast<std::size_t>(at)];
      const Node node{.sibling = parent.child, .depth = parent.depth + 1, .byte = byte};
      parent.child = next;
      nodes_.push_back(node);
    }
    at = next;
  }
  std::int32_t& owner = nodes_[static_cast<std::size_t>(at)].stop;
  if (owner < 0) owner = static_cast<std::int32_t>(index);  // the same string twice: the first
}

// Breadth first, so that a node's suffix link is ready before its children need it.
void StopMatcher::link() {
  std::vector<std::int32_t> queue{0};
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const std::int32_t parent = queue[head];
    for (std::int32_t c = nodes_[static_cast<std::size_t>(parent)].child; c >= 0;
         c = nodes_[static_cast<std::size_t>(c)].sibling) {
      Node& node = nodes_[static_cast<std::size_t>(c)];
      node.fail = parent == 0 ? 0 : step(nodes_[static_cast<std::size_t>(parent)].fail, node.byte);
      if (node.stop < 0) node.stop = nodes_[static_cast<std::size_t>(node.fail)].stop;
      queue.push_back(c);
    }
  }
}

std::int32_t StopMatcher::step(std::int32_t node, char byte) const {
  while (true) {
    if (const std::int32_t next = child(node, byte); next >= 0) return next;
    if (node == 0) return 0;
    node = nodes_[static_cast<std::size_t>(node)].fail;
  }
}

std::string_view StopMatcher::push(std::string_view text) {
  output_.clear();
  if (matched_) return output_;
  output_.swap(held_);
  for (const char byte : text) {
    output_ += byte;
    state_ = step(state_, byte);
    const Node& node = nodes_[static_cast<std::size_t>(state_)];
    if (node.stop < 0) continue;
    matched_ = static_cast<std::size_t>(node.stop);
    output_.resize(output_.size() - stops_[*matched_].size());
    return output_;
  }
  const std::size_t keep = output_.size() - nodes_[static_cast<std::size_t>(state_)].depth;
  held_.assign(output_, keep);
  output_.resize(keep);
  return output_;
}

std::string_view StopMatcher::finish() {
  output_.clear();
  output_.swap(held_);
  state_ = 0;
  return output_;
}

void StopMatcher::reset() {
  held_.clear();
  output_.clear();
  state_ = 0;
  matched_.reset();
}

}  // namespace dsa
