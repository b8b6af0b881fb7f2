// A figure that is not known exactly.
#pragma once

#include <cstdint>

namespace dsa::cost {

/// From low to high; a number is a range of one.
struct Range {
  constexpr Range(double value = 0) : low(value), high(value) {}  // implicit: settings are written as numbers
  constexpr Range(double from, double to) : low(from), high(to) {}

  double low, high;

  /// The figure itself, where there is only one; else what lies in the middle.
  [[nodiscard]] constexpr double value() const { return (low + high) / 2; }
  bool operator==(const Range&) const = default;
};

/// All ranges taken at the end that makes one's own machine cheapest, in the middle, at the dearest end: what
/// comes of them bounds what can come of the ranges, since every cost rises or falls with each alone.
enum class Corner : std::uint8_t { cheap, middle, dear };

/// What comes of them at each.
template <class T>
struct Corners {
  T cheap, middle, dear;
};

}  // namespace dsa::cost
