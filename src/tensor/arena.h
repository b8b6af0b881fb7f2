// Memory for many arrays that live as long as each other.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tensor/buffer.h"

namespace dsa {

/// Hands out cache-line-aligned bytes from blocks so large that the system backs them with huge pages: a
/// model has hundreds of matrices smaller than one such page, and a product that streams them from small
/// pages waits for address translations and for hardware prefetch, which ends where a page does.  Addresses
/// stay; movable.  Not thread-safe.
class Arena {
 public:
  /// Zeroed, committed when first touched.  Throws Error("not enough memory for `what`: ...").
  std::span<std::byte> take(std::size_t bytes, const char* what);

 private:
  std::vector<Buffer> blocks_;
  std::span<std::byte> rest_;  // of the newest block
};

}  // namespace dsa
