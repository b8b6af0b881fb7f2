#include <array>
#include <cstring>

#include "base/rng.h"
#include "kernels/cpu/amx.h"

namespace dsa {
namespace {

using Square = std::array<std::uint32_t, kSquareRows * kSquareRows>;

// Of bf16 pairs or of bytes, both small: no sum overflows.
Square drawn(std::uint64_t stream, bool bf16_pairs) {
  const CounterRng rng(1, stream);
  Square out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<std::uint32_t>(rng.at(i));
    if (bf16_pairs) out[i] = (out[i] & 0x83FF83FFU) | 0x3C003C00U;  // 2^-7 to 1 in size
  }
  return out;
}

using Dot = void (*)(int, int, int, const void*, const void*, void*);
bool same(Dot one, Dot other, bool bf16_pairs) {
  const Square a = drawn(0, bf16_pairs), b = drawn(1, bf16_pairs);
  Square c{}, d{};
  one(kSquareRows, kSquareRows, kSquareRows, a.data(), b.data(), c.data());
  other(kSquareRows, kSquareRows, kSquareRows, a.data(), b.data(), d.data());
  return c == d;
}

}  // namespace

bool same_products(const SquareProbe& one, const SquareProbe& other) {
  return same(one.dot_bf16, other.dot_bf16, true) && same(one.dot_s8, other.dot_s8, false) &&
         same(one.dot_s8_u8, other.dot_s8_u8, false);
}

}  // namespace dsa
