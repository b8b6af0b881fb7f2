#include "engine/page_pool.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa {

PagePool::PagePool(std::int64_t size) : free_(usize(size)), holders_(usize(size)) {
  std::iota(free_.begin(), free_.end(), 0);  // ascending: already a heap
}

std::int32_t PagePool::holders(std::int32_t page) const {
  DSA_CHECK(page >= 0 && page < size());
  return holders_[usize(page)];
}

std::optional<std::int32_t> PagePool::allocate() {
  if (free_.empty()) return std::nullopt;
  std::ranges::pop_heap(free_, std::greater<>{});
  const std::int32_t page = free_.back();
  free_.pop_back();
  holders_[usize(page)] = 1;
  return page;
}

void PagePool::share(std::span<const std::int32_t> pages) {
  for (const auto page : pages) {
    DSA_CHECK(holders(page) > 0);
    if (++holders_[usize(page)] == 2) ++shared_;
  }
}

void PagePool::release(std::span<const std::int32_t> pages) {
  for (const auto page : pages) {
    DSA_CHECK(holders(page) > 0);
    const std::int32_t left = --holders_[usize(page)];
    if (left == 1) --shared_;
    if (left > 0) continue;
    free_.push_back(page);
    std::ranges::push_heap(free_, std::greater<>{});
  }
}

}  // namespace dsa
