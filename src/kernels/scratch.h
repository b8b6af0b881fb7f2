// Cutting the caller's scratch bytes into typed pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/error.h"

namespace dsa {

/// Takes `count` elements of T, aligned to `alignment`, off the front of `rest`.  Running out is a bug: the
/// ops' ..._scratch_bytes() functions promise enough.
template <class T>
std::span<T> take(std::span<std::byte>& rest, std::int64_t count, std::size_t alignment = alignof(T)) {
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
  void* at = rest.data();
  std::size_t space = rest.size();
  DSA_CHECK(std::align(alignment, bytes, at, space) != nullptr);
  rest = {static_cast<std::byte*>(at) + bytes, space - bytes};
  return {reinterpret_cast<T*>(at), static_cast<std::size_t>(count)};
}

}  // namespace dsa
