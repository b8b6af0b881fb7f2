// Random numbers by counter: number i of a stream is a pure function of (seed, stream, i), so a draw needs no
// state, can be repeated, and is the same on every machine and thread.  Bit for bit in Python:
//   M = 2**64 - 1
//   def mix(z):
//     z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M
//     z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M
//     return z ^ (z >> 31)
//   def key(seed, stream): return mix((mix((seed + G) & M) + stream * G) & M)   # G = 0x9E3779B97F4A7C15
//   def at(key, i): return mix((key + (i + 1) * G) & M)
#pragma once

#include <cstdint>

namespace dsa {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014; constants of Stafford's variant 13).
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

/// SplitMix64 read by index: at(i) is what the sequential generator with state `key` would return as number
/// i.  Immutable, so any number of threads may share one.
class CounterRng {
 public:
  /// The seed is mixed first: seeds that differ by one, or by the generator's own step,
  /// give unrelated streams.
  explicit constexpr CounterRng(std::uint64_t seed, std::uint64_t stream = 0)
      : key_(mix64(mix64(seed + kStep) + stream * kStep)) {}

  /// 64 uniform bits.
  [[nodiscard]] constexpr std::uint64_t at(std::uint64_t i) const { return mix64(key_ + (i + 1) * kStep); }

  /// Uniform in [0, 1): the top 53 bits, so every value is exact and 1 is never returned.
  [[nodiscard]] constexpr double unit(std::uint64_t i) const {
    return static_cast<double>(at(i) >> 11) * 0x1.0p-53;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio, odd
  std::uint64_t key_;
};

}  // namespace dsa
