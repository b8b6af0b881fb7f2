// Random draws one after the other, for things that are made from a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"

namespace dsa {

/// A sequence that is a function of seed and stream alone.  One thread at a time.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t stream) : rng_(seed, stream) {}

  /// Uniform in [0, 1).
  double unit() { return rng_.unit(at_++); }
  /// Uniform in [0, bound).
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(unit() * static_cast<double>(bound));
  }
  /// One of `items`, a vector or an array of at least one.
  template <class Items>
  const auto& one_of(const Items& items) {
    return items[static_cast<std::size_t>(below(static_cast<std::int64_t>(items.size())))];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
  }
  /// Does not begin with 0.
  std::string number(int digits) {
    std::string text(1, static_cast<char>('1' + below(9)));
    while (static_cast<int>(text.size()) < digits) text += static_cast<char>('0' + below(10));
    return text;
  }
  /// From `first` ('a' or 'A') on.
  std::string letters(int count, char first) {
    std::string text;
    while (static_cast<int>(text.size()) < count) text += static_cast<char>(first + below(26));
    return text;
  }

 private:
  CounterRng rng_;
  std::uint64_t at_ = 0;
};

}  // namespace dsa
