#include "engine/page_pool.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"

namespace dsa {

PagePool::PagePool(std::int64_t size)
    : free_(static_cast<std::size_t>(size)), held_(static_cast<std::size_t>(size)) {
  std::iota(free_.begin(), free_.end(), 0);  // ascending: already a heap
}

std::optional<std::int32_t> PagePool::allocate() {
  if (free_.empty()) return std::nullopt;
  std::ranges::pop_heap(free_, std::greater<>{});
  const std::int32_t page = free_.back();
  free_.pop_back();
  held_[static_cast<std::size_t>(page)] = true;
  return page;
}

void PagePool::release(std::span<const std::int32_t> pages) {
  for (const auto page : pages) {
    DSA_CHECK(page >= 0 && page < size() && held_[static_cast<std::size_t>(page)]);
    held_[static_cast<std::size_t>(page)] = false;
    free_.push_back(page);
    std::ranges::push_heap(free_, std::greater<>{});
  }
}

}  // namespace dsa
