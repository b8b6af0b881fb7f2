// Made-up pages of the cache, the same for the same number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "engine/prefix_key.h"

namespace dsa::test {

inline constexpr std::size_t kPageBytes = 10'000;  // where a test asks for no size of its own

/// Page `number` of a sequence of its own kind: name and bytes are functions of the two numbers.
struct PageCase {
  std::vector<std::int32_t> tokens;
  PageName name;
  std::vector<std::byte> bytes;

  /// The key before is that of page number - 1 of the same sequence.
  PageCase(std::int64_t sequence, std::int64_t number, std::size_t size);
  PageCase(const PageCase&) = delete;  // name.tokens are its own
  PageCase& operator=(const PageCase&) = delete;
};

inline std::vector<std::int32_t> page_tokens(std::int64_t sequence, std::int64_t number) {
  std::vector<std::int32_t> tokens(kPageTokens);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<std::int32_t>(1000 * sequence + 64 * number + static_cast<std::int64_t>(i));
  return tokens;
}

inline PageCase::PageCase(std::int64_t sequence, std::int64_t number, std::size_t size)
    : tokens(page_tokens(sequence, number)), bytes(size) {
  name.index = number;
  name.tokens = tokens;
  for (std::int64_t i = 0; i <= number; ++i) {
    name.before = name.key;
    name.key = page_key(name.before, page_tokens(sequence, i), {}, i * kPageTokens);
  }
  const CounterRng draws(static_cast<std::uint64_t>(sequence), static_cast<std::uint64_t>(number));
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(256 * draws.unit(i));
}

}  // namespace dsa::test
