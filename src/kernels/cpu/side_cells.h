// Work of another arithmetic that shares a parallel region.
#pragma once

#include <cstdint>

#include "base/function_ref.h"

namespace dsa {

/// `count` pieces of work that do not depend on one another; run(begin, end) does some of them.
struct SideCells {
  std::int64_t count;
  FunctionRef<void(std::int64_t begin, std::int64_t end)> run;
};

}  // namespace dsa
