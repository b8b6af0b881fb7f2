#include "bench/machine.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/stopwatch.h"
#include "bench/peaks.h"
#include "exec/exec.h"
#include "tensor/buffer.h"

namespace dsa {
namespace {

std::string cpu_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "unknown";
}

// Results land here, so that no loop whose result nobody reads is left out.
volatile double sink = 0;

// A loop for processors without one of their own: what the compiler makes of it.
void fp32_as_compiled(std::int64_t rounds) {
  constexpr int kLanes = 64;
  float sums[kLanes];
  for (int k = 0; k < kLanes; ++k) sums[k] = static_cast<float>(k);
  for (std::int64_t r = 0; r < rounds; ++r)
    for (float& s : sums) s = s * 0.999F + 0.001F;
  double total = 0;
  for (const float s : sums) total += static_cast<double>(s);
  sink = total;
}
constexpr Peak kAsCompiled{Arithmetic::fp32, "a loop as compiled", 64 * 2, nullptr, fp32_as_compiled};

// Operations a second with all threads busy, the best of several.
double rate(Exec& exec, const Peak& peak) {
  constexpr double kSecondsATurn = 0.01;
  constexpr int kTurns = 7;
  std::int64_t rounds = 1000;
  const auto turn = [&](std::int64_t parts) {
    const Stopwatch watch;
    exec.parallel_for(parts, 1, [&](std::int64_t, std::int64_t, int) { peak.run(rounds); });
    return watch.seconds();
  };
  while (turn(1) < kSecondsATurn / 4) rounds *= 2;
  const std::int64_t parts = std::int64_t{8} * exec.threads();
  double best = 0;
  for (int t = 0; t < kTurns; ++t)
    best = std::max(best, static_cast<double>(parts * rounds * peak.ops_per_round) / turn(parts));
  return best;
}

struct Best {
  double per_second = 0;
  std::string_view how;
};

Best best_rate(Exec& exec, Arithmetic arithmetic) {
  Best best;
  const auto consider = [&](const Peak& peak) {
    if (const double r = rate(exec, peak); r > best.per_second) best = {r, peak.how};
  };
  for (const Peak& peak : vector_peaks())
    if (peak.arithmetic == arithmetic && peak.runs_here()) consider(peak);
  if (arithmetic == Arithmetic::fp32) consider(kAsCompiled);
  return best;
}

// Eight running sums at four places at once: enough requests in flight whatever prefetches.
std::uint64_t read_all(const std::uint64_t* data, std::int64_t words) {
  constexpr int kStreams = 4, kLanes = 8;
  const std::int64_t part = words / kStreams;
  std::uint64_t sums[kLanes] = {};
  for (std::int64_t i = 0; i + kLanes <= part; i += kLanes)
    for (int s = 0; s < kStreams; ++s)
      for (int k = 0; k < kLanes; ++k) sums[k] += data[s * part + i + k];
  std::uint64_t total = 0;
  for (const auto sum : sums) total += sum;
  return total;
}

std::size_t last_level_cache_bytes() {
  const std::int64_t bytes = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

/// Of memory that no cache keeps a good part of.
std::size_t beyond_caches() { return std::max(std::size_t{512} << 20, 4 * last_level_cache_bytes()); }

}  // namespace

double measure_read_bandwidth(Exec& exec, std::size_t bytes) {
  constexpr std::int64_t kPart = std::int64_t{256} << 10;
  constexpr int kPasses = 7;
  const std::size_t least = std::size_t{4} * kPart * static_cast<std::size_t>(exec.threads());
  const Buffer memory(std::max(least, bytes) / kPart * kPart, "the bandwidth test");
  const auto parts = static_cast<std::int64_t>(memory.size()) / kPart;
  const auto part = [&](std::int64_t i) { return memory.data() + i * kPart; };
  exec.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t, int) {
    std::memset(part(begin), 1, static_cast<std::size_t>(kPart));
  });
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const Stopwatch watch;
    exec.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t, int) {
      sink = static_cast<double>(read_all(reinterpret_cast<const std::uint64_t*>(part(begin)), kPart / 8));
    });
    best = std::max(best, static_cast<double>(memory.size()) / watch.seconds() / 1e9);
  }
  return best;
}

Machine measure_machine(Exec& exec, std::int64_t working_bytes) {
  Machine m;
  m.cpu = cpu_name();
  m.cores = Exec::default_threads();
  m.threads = exec.threads();
  m.memory_gb_s = measure_read_bandwidth(exec, beyond_caches());
  m.read_gb_s = m.memory_gb_s;
  m.working_bytes = working_bytes;
  if (const auto bytes = static_cast<std::size_t>(working_bytes); bytes > 0 && bytes < beyond_caches())
    m.read_gb_s = std::max(m.memory_gb_s, measure_read_bandwidth(exec, bytes));
  const Best fp32 = best_rate(exec, Arithmetic::fp32);
  m.fp32_gflop_s = fp32.per_second / 1e9;
  m.fp32_how = fp32.how;
  // Without an instruction of its own, BF16 is widened and costs what float32 costs; the same for bytes.
  const auto or_fp32 = [&](Arithmetic arithmetic, std::string& how) {
    const Best best = best_rate(exec, arithmetic);
    how = best.per_second > 0 ? std::string(best.how) : "none of its own: widened to float32, " + m.fp32_how;
    return best.per_second > 0 ? best.per_second / 1e9 : m.fp32_gflop_s;
  };
  m.bf16_gflop_s = or_fp32(Arithmetic::bf16, m.bf16_how);
  m.int8_gop_s = or_fp32(Arithmetic::int8, m.int8_how);
  return m;
}

}  // namespace dsa
