// Work whose time and memory nobody can foresee, tried first where it can do no harm.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

namespace dsa {

struct TrialLimits {
  std::chrono::milliseconds time{5000};
  std::size_t memory = std::size_t{1} << 30;  // beyond what the process has
};

/// Does `work` in a child process and waits for it; what it changes is lost.  Throws Error if it throws one,
/// with its sentence, or if it dies, or does not end within `limits`: work that passes may be done again
/// here, if it does the same each time.  It must take no lock that another thread may hold, but those of
/// malloc.
void try_in_child(const std::function<void()>& work, const TrialLimits& limits);

}  // namespace dsa
