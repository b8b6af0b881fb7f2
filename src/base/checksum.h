// A checksum against damage, of what is added piece by piece: XXH3, 128 bits (docs/adr/0014-xxhash.md).
#pragma once

#include <xxhash.h>

#include <array>
#include <bit>
#include <cstddef>
#include <memory>
#include <span>

#include "base/error.h"

namespace dsa {

/// As fast as memory is read.  Whoever wants to can make two things with one checksum: what must not be
/// forged goes through Sha256.
class Checksum {
 public:
  using Value = std::array<std::byte, sizeof(XXH128_canonical_t)>;

  Checksum() : state_(XXH3_createState()) {
    DSA_CHECK(state_ != nullptr && XXH3_128bits_reset(state_.get()) == XXH_OK);
  }
  void add(std::span<const std::byte> bytes) {
    DSA_CHECK(XXH3_128bits_update(state_.get(), bytes.data(), bytes.size()) == XXH_OK);
  }
  /// Of all that was added; the same on every machine.
  [[nodiscard]] Value value() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
    return std::bit_cast<Value>(canonical.digest);
  }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace dsa
