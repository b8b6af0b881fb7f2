#include "tensor/arena.h"

#include <algorithm>

namespace dsa {

std::span<std::byte> Arena::take(std::size_t bytes, const char* what) {
  constexpr std::size_t kLine = 64, kBlock = std::size_t{32} << 20;
  const std::size_t room = (bytes + kLine - 1) / kLine * kLine;
  if (room > rest_.size()) {
    Buffer block(std::max(room, kBlock), what);
    const auto fresh = block.bytes();
    blocks_.push_back(std::move(block));
    // Of two beginnings the one with more room is kept; what is untouched of the other costs no memory.
    if (fresh.size() - room <= rest_.size()) return fresh.first(bytes);
    rest_ = fresh;
  }
  const auto taken = rest_.first(bytes);
  rest_ = rest_.subspan(room);
  return taken;
}

}  // namespace dsa
