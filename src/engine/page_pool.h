// Which page of the cache belongs to whom, and to how many.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dsa {

/// Hands out the pages [0, size) and counts their holders: a page is free again when the last one lets go.
/// Pure bookkeeping: knows no tensors and no threads.  One caller at a time.  Of a page with
/// more than one holder nobody writes what others know of it: the first tokens, of which whoever wants to go
/// on otherwise takes a copy.
class PagePool {
 public:
  explicit PagePool(std::int64_t size);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(holders_.size()); }
  [[nodiscard]] std::int64_t available() const { return static_cast<std::int64_t>(free_.size()); }
  /// How many hold the page.
  [[nodiscard]] std::int32_t holders(std::int32_t page) const;
  /// Pages with more than one holder.
  [[nodiscard]] std::int64_t shared() const { return shared_; }

  /// A free page with one holder, the lowest first; nullopt if all are held.
  std::optional<std::int32_t> allocate();
  /// One holder more for each; each must be held.
  void share(std::span<const std::int32_t> pages);
  /// One holder less for each; each must be held.
  void release(std::span<const std::int32_t> pages);

 private:
  // A heap: lowest page on top, so that a short conversation touches few pages.
  std::vector<std::int32_t> free_;
  std::vector<std::int32_t> holders_;
  std::int64_t shared_ = 0;
};

}  // namespace dsa
