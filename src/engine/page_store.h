// Where pages of the cache go that memory does not keep.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dsa {

/// SHA-256 chained over everything that decides a page's bytes (engine/prefix_key.h).
using PageKey = std::array<std::byte, 32>;

struct PageName {
  PageKey key = {};
  PageKey before = {};                   // of the page before it, or the root: without that it is of no use
  std::int64_t index = 0;                // of the page in its sequence: what it costs to compute again
  std::span<const std::int32_t> tokens;  // its 64 tokens
};

/// Called by one thread, the engine's.  What it says is never trusted further than it was checked: a page
/// that is damaged, cut short or another's is not found.
class PageStore {
 public:
  virtual ~PageStore() = default;

  /// Whether it is worth a get().
  [[nodiscard]] virtual bool contains(const PageKey& key) = 0;
  /// The page's bytes, if it is there, its tokens are those, and its checksum holds.  If not, `to` holds
  /// anything.
  virtual bool get(const PageName& name, std::span<std::byte> to) = 0;
  /// Takes a copy to be kept, or not: false if there is no room just now, and asking again later helps.
  virtual bool offer(const PageName& name, std::span<const std::byte> bytes) = 0;
};

}  // namespace dsa
