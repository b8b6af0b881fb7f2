#include "support.h"

#include <unistd.h>

#include <algorithm>
#include <random>

namespace dsa::bench {

Exec& team() {
  static Exec exec(Exec::default_threads());
  return exec;
}

const Machine& machine() {
  static const Machine measured = measure_machine(team());
  return measured;
}

std::vector<float> noise(std::int64_t count) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& v : out) v = value(random);
  return out;
}

void fill_with_noise(bf16* out, std::int64_t count) {
  constexpr std::int64_t kPeriod = 65537;  // a prime
  static const std::vector<float> values = noise(kPeriod);
  team().parallel_for(count, 1 << 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = bf16(values[static_cast<std::size_t>(i % kPeriod)]);
  });
}

Matrices::Matrices(DType type, std::int64_t in, std::int64_t out, std::int64_t copies)
    : data_(*storage_bytes(type, in) * static_cast<std::size_t>(out * copies), "weights"),
      scales_(static_cast<std::size_t>((in / kScaleBlock + 1) * (out / kScaleBlock + 1)), 1.0F) {
  const KernelTable& kernels = choose_kernels();
  const std::size_t row_bytes = *storage_bytes(type, in);
  const auto size = static_cast<std::int64_t>(data_.size());
  team().parallel_for(size, 1 << 20, [&](std::int64_t begin, std::int64_t end, int) {
    std::minstd_rand random(static_cast<unsigned>(begin + 1));
    // Small exponents everywhere: halves, bfloats, FP8 and scales built of these bytes are finite.
    for (std::int64_t i = begin; i < end; ++i) data_.data()[i] = static_cast<std::byte>(random() >> 8 & 0x3F);
  });
  for (std::int64_t c = 0; c < copies; ++c) {
    WeightView w{.type = type,
                 .rows = out,
                 .cols = in,
                 .data = data_.data() + row_bytes * static_cast<std::size_t>(out * c),
                 .row_bytes = row_bytes};
    w.scales = scales_.data();
    w.scale_stride = in / kScaleBlock + 1;
    bytes_ = static_cast<double>(row_bytes) * static_cast<double>(out);
    if (const std::size_t bytes = kernels.packed_bytes(w); bytes != 0) {
      packed_.emplace_back(bytes, "packed weights");
      kernels.pack(team(), w, packed_.back().bytes());
      w.packed = packed_.back().data();
      bytes_ = static_cast<double>(bytes);
    }
    views_.push_back(w);
  }
}

std::int64_t layers_beyond_cache(std::size_t bytes) {
  const auto cache = static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_LEVEL3_CACHE_SIZE)));
  return static_cast<std::int64_t>(4 * cache / bytes) + 1;
}

void report(benchmark::State& state, const Cost& once, double seconds) {
  const LeastTime least = least_time(once, machine());
  const double ops = once.fp32_ops + once.bf16_ops + once.int8_ops;
  state.counters["GB/s"] = once.bytes / seconds / 1e9;
  if (ops > 0) state.counters["GOP/s"] = ops / seconds / 1e9;
  state.counters["%"] = 100 * least.seconds / seconds;
  state.SetLabel("% of " + std::string(name(least.bound)));
}

}  // namespace dsa::bench
