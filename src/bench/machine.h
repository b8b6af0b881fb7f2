// The machine's ceilings, measured: what no kernel can exceed.
#pragma once

#include <cstdint>
#include <string>

namespace dsa {

class Exec;

struct Machine {
  std::string cpu;                 // as the processor names itself
  int cores = 0;                   // this process may use
  int threads = 0;                 // measured with
  double read_gb_s = 0;            // of memory_gb_s and the speed over the working set the higher one
  double memory_gb_s = 0;          // beyond the last-level cache
  std::int64_t working_bytes = 0;  // of the working set; 0: none was named
  double fp32_gflop_s = 0;         // a multiply and an add are two
  double bf16_gflop_s = 0;
  double int8_gop_s = 0;
  std::string fp32_how, bf16_how, int8_how;  // by which instructions
};

/// Takes about a second and, while it runs, memory well beyond the last-level cache (512 MiB or more).  Each
/// figure is the best of several.  `working_bytes`: what is read again and again, of which the caches may
/// keep so much that memory's own speed is no ceiling.
Machine measure_machine(Exec& exec, std::int64_t working_bytes = 0);

/// The best of several passes over a buffer of so many bytes (at least 1 MiB a thread), all threads, GB/s.
double measure_read_bandwidth(Exec& exec, std::size_t bytes);

}  // namespace dsa
