// SHA-256 of what is added, piece by piece.
#pragma once

#include <fmt/format.h>
#include <nettle/sha2.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace dsa {

/// Two lower-case digits a byte.
inline std::string hex_of(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

class Sha256 {
 public:
  Sha256() { sha256_init(&context_); }
  void add(std::span<const std::byte> bytes) {
    sha256_update(&context_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  /// Starts anew.
  std::array<std::byte, SHA256_DIGEST_SIZE> digest() {
    std::array<std::byte, SHA256_DIGEST_SIZE> digest;
    sha256_digest(&context_, digest.size(), reinterpret_cast<std::uint8_t*>(digest.data()));
    return digest;
  }
  /// The same in hex.
  std::string hex() { return hex_of(digest()); }

 private:
  sha256_ctx context_{};
};

}  // namespace dsa
