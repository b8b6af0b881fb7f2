// Speed of the kernel family that DSA_KERNELS names (default: the best one) on DSA_THREADS threads, at the
// shapes of the default model, SmolLM2-135M, and of DeepSeek-V3.2.  Each row shows GB/s and GOP/s, what the
// machine's ceilings allow at best, and which of them binds.
#include "support.h"

int main(int argc, char** argv) {
  using dsa::bench::machine;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const auto told = [](double value) { return std::to_string(static_cast<long>(value + 0.5)); };
  benchmark::AddCustomContext("cpu", machine().cpu);
  benchmark::AddCustomContext("kernels", std::string(dsa::choose_kernels().name));
  benchmark::AddCustomContext("threads", std::to_string(machine().threads));
  benchmark::AddCustomContext("read_gb_s", told(machine().read_gb_s));
  benchmark::AddCustomContext("fp32_gflop_s", told(machine().fp32_gflop_s));
  benchmark::AddCustomContext("bf16_gflop_s", told(machine().bf16_gflop_s));
  benchmark::AddCustomContext("int8_gop_s", told(machine().int8_gop_s));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
