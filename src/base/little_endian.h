// Whole numbers as files and hashes hold them, on any machine.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dsa {

template <std::integral T>
[[nodiscard]] constexpr std::array<std::byte, sizeof(T)> little_endian(T value) {
  std::array<std::byte, sizeof(T)> bytes{};
  auto bits = static_cast<std::uint64_t>(value);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(bits & 0xFF);
    bits >>= 8;
  }
  return bytes;
}

template <std::integral T>
[[nodiscard]] constexpr T from_little_endian(std::span<const std::byte, sizeof(T)> bytes) {
  std::uint64_t bits = 0;
  for (std::size_t i = sizeof(T); i > 0; --i) bits = bits << 8 | std::to_integer<std::uint64_t>(bytes[i - 1]);
  return static_cast<T>(bits);
}

}  // namespace dsa
