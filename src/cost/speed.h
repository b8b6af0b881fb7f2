// How fast a machine is: what was measured or predicted, in one form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cost/curve.h"
#include "cost/range.h"

namespace dsa::cost {

/// A token at a position: the fastest of several measurements, the middle one, the slowest.
struct Timing {
  double position = 0;
  double fast_s = 0, middle_s = 0, slow_s = 0;
};

/// With so many clients at once a machine writes `gain` times as many tokens as for one.
struct Batching {
  std::int64_t clients = 1;
  Range gain = 1;
};

/// One kind of attention on one machine.
struct Speed {
  std::string attention;  // "dense", "sparse"
  std::vector<Timing> prefill, decode;
  std::vector<Batching> batching{Batching{}};  // by clients, the first for one
};

/// The same, where nothing is a range any more.
struct SpeedAt {
  Curve prefill, decode;
  struct Batch {
    std::int64_t clients;
    double gain;
  };
  std::vector<Batch> batching;
};

/// Both have at least one timing.
SpeedAt at(const Speed& speed, Corner corner);

/// Where the numbers come from, and what they say.
struct Speeds {
  std::string source;  // for people: "measured: bench.json, smollm2 on AMD EPYC"
  std::vector<Speed> kinds;
};

}  // namespace dsa::cost
