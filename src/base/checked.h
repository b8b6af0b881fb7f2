// Arithmetic on numbers that come from files or requests: the one helper for all of it
// (docs/hostile-inputs.md R1).
#pragma once

#include <concepts>
#include <optional>
#include <utility>

namespace dsa {

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T a, T b) {
  T out{};
  if (__builtin_add_overflow(a, b, &out)) return std::nullopt;
  return out;
}

template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_mul(T a, T b) {
  T out{};
  if (__builtin_mul_overflow(a, b, &out)) return std::nullopt;
  return out;
}

template <std::integral To, std::integral From>
[[nodiscard]] constexpr std::optional<To> checked_cast(From value) {
  if (!std::in_range<To>(value)) return std::nullopt;
  return static_cast<To>(value);
}

/// True if [offset, offset + length) lies inside [0, total); written so that nothing can wrap.
[[nodiscard]] constexpr bool range_inside(std::size_t offset, std::size_t length, std::size_t total) {
  return offset <= total && length <= total - offset;
}

}  // namespace dsa
