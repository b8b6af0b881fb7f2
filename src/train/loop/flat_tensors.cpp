#include "train/loop/flat_tensors.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"

namespace dsa::train {

std::int64_t FlatTensors::Entry::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

FlatTensors::FlatTensors(std::vector<Entry> entries) : entries_(std::move(entries)) {
  std::int64_t total = 0;
  for (Entry& entry : entries_) {
    entry.first = total;
    total += entry.size();
  }
  values_.resize(static_cast<std::size_t>(total));
}

const FlatTensors::Entry* FlatTensors::find(const std::string& name) const {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found == entries_.end() ? nullptr : &*found;
}

const FlatTensors::Entry& FlatTensors::at(std::int64_t i) const {
  DSA_CHECK(i >= 0 && i < static_cast<std::int64_t>(values_.size()));
  return *std::prev(std::ranges::upper_bound(entries_, i, {}, &Entry::first));
}

}  // namespace dsa::train
