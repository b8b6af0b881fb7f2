// What all micro-benchmarks share: the threads, the machine, noise, and rows that show achieved and ceiling.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "bench/cost.h"
#include "bench/machine.h"
#include "exec/exec.h"
#include "kernels/registry.h"
#include "tensor/buffer.h"

namespace dsa::bench {

/// DSA_THREADS of them, else all cores.
Exec& team();
/// Measured at the first call.
const Machine& machine();

/// Uniform in [-1, 1], the same every time.
std::vector<float> noise(std::int64_t count);
/// The same as BF16, at `out`.  Repeats with a period that no page or row of a cache is a multiple of.
void fill_with_noise(bf16* out, std::int64_t count);

/// Several matrices of one shape and type, packed if the family packs them: used in turn they come from
/// memory, as in a model.  Small finite weights.
class Matrices {
 public:
  Matrices(DType type, std::int64_t in, std::int64_t out, std::int64_t copies);
  [[nodiscard]] const WeightView& next() { return views_[turn_++ % views_.size()]; }
  [[nodiscard]] const WeightView& at(std::int64_t i) const {
    return views_[static_cast<std::size_t>(i) % views_.size()];
  }
  /// What one of them takes as the kernels read it.
  [[nodiscard]] double bytes() const { return bytes_; }

 private:
  Buffer data_;
  std::vector<float> scales_;
  std::vector<Buffer> packed_;
  std::vector<WeightView> views_;
  double bytes_ = 0;
  std::size_t turn_ = 0;
};

/// How many layers a benchmark has to go through in turn so that `bytes` of each come from memory.
std::int64_t layers_beyond_cache(std::size_t bytes);

/// Counters of a row whose iteration does `once`: GB/s, GOP/s (a multiply and an add are two), and the share
/// of the machine's ceiling that binds, which the label names.
void report(benchmark::State& state, const Cost& once, double seconds);

/// Runs the row; gives back the seconds of one iteration.
template <class Body>
double run(benchmark::State& state, const Body& body) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for ([[maybe_unused]] const auto _ : state) body();
  return std::chrono::duration<double>(Clock::now() - start).count() /
         static_cast<double>(state.iterations());
}

template <class Body>
void run_and_report(benchmark::State& state, const Cost& once, const Body& body) {
  report(state, once, run(state, body));
}

}  // namespace dsa::bench

/// DSA_BENCH("row's name", function, arguments...): function(benchmark::State&, arguments...).
#define DSA_BENCH_JOIN_(a, b) a##b
#define DSA_BENCH_JOIN(a, b) DSA_BENCH_JOIN_(a, b)
#define DSA_BENCH(row, function, ...)                                                            \
  [[maybe_unused]] static const auto* DSA_BENCH_JOIN(registered_, __COUNTER__) =                 \
      ::benchmark::RegisterBenchmark(row, [](benchmark::State& s) { function(s, __VA_ARGS__); }) \
          ->UseRealTime()                                                                        \
          ->Unit(benchmark::kMicrosecond)
