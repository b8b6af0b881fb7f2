// A store of pages that keeps them in memory.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "engine/page_store.h"

namespace dsa::test {

class MapStore final : public PageStore {
 public:
  bool contains(const PageKey& key) override { return pages_.contains(key); }
  bool get(const PageName& name, std::span<std::byte> to) override {
    const auto& found = pages_.at(name.key);
    std::ranges::copy(found, to.begin());
    return true;
  }
  bool offer(const PageName& name, std::span<const std::byte> bytes) override {
    pages_[name.key].assign(bytes.begin(), bytes.end());
    return true;
  }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }

 private:
  std::map<PageKey, std::vector<std::byte>> pages_;
};

}  // namespace dsa::test
