// Which page of the cache belongs to whom.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dsa {

/// Hands out the pages [0, size).  Pure bookkeeping: knows no tensors and no threads.  One caller at a time.
class PagePool {
 public:
  explicit PagePool(std::int64_t size);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(held_.size()); }
  [[nodiscard]] std::int64_t available() const { return static_cast<std::int64_t>(free_.size()); }

  /// A free page, the lowest first; nullopt if all are held.
  std::optional<std::int32_t> allocate();
  /// Gives pages back; each must be held.
  void release(std::span<const std::int32_t> pages);

 private:
  // A heap: lowest page on top, so that a short conversation touches few pages.
  std::vector<std::int32_t> free_;
  std::vector<bool> held_;
};

}  // namespace dsa
