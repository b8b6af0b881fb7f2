// What a processor's arithmetic can do at best: loops of independent multiply-adds that never leave the
// registers.  `dsa bench` measures them beside the model, so that a speed is told as a share of its ceiling.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace dsa {

enum class Arithmetic : std::uint8_t { fp32, bf16, int8 };

/// One way to do one arithmetic.  `run` may be called from many threads at once.
struct Peak {
  Arithmetic arithmetic;
  std::string_view how;        // the instructions, for people
  std::int64_t ops_per_round;  // a multiply and an add count as two
  bool (*runs_here)();
  void (*run)(std::int64_t rounds);  // rounds >= 1
};

/// Every way compiled in, in no order.
std::span<const Peak> vector_peaks();

}  // namespace dsa
