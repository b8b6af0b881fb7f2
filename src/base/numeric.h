// Small arithmetic on sizes and counts that are known to fit; numbers from files and requests go through
// base/checked.h first.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "base/error.h"

namespace dsa {

/// A count as the standard library wants it.  n >= 0.
template <std::integral T>
[[nodiscard]] constexpr std::size_t usize(T n) {
  DSA_DCHECK(n >= T{0});
  return static_cast<std::size_t>(n);
}

/// How many pieces of `size` hold n: n >= 0, size > 0.
template <std::integral T>
[[nodiscard]] constexpr T ceil_div(T n, std::type_identity_t<T> size) {
  return static_cast<T>(n / size + (n % size != 0 ? 1 : 0));
}

/// The least multiple of `size` that is not below n: n >= 0, size > 0.
template <std::integral T>
[[nodiscard]] constexpr T round_up(T n, std::type_identity_t<T> size) {
  return static_cast<T>(ceil_div(n, size) * size);
}

}  // namespace dsa
