// The threads a computation runs on.  Passed, never global.
#pragma once

#include <cstdint>
#include <memory>

#include "base/function_ref.h"

namespace dsa {

/// A team of threads: the caller and threads()-1 workers that sleep between calls.  One caller at a time.
class Exec {
 public:
  /// threads >= 1; more than the machine has cores is allowed.  Throws Error if they cannot be started.
  explicit Exec(int threads);
  ~Exec();
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;

  [[nodiscard]] int threads() const;

  /// Calls body(begin, end, rank) over disjoint ranges that cover [0, count); a range holds at most
  /// `grain` items and starts at a multiple of `grain`; each thread walks through a share of its own
  /// and then helps the others.  rank in [0, threads()) names the thread that runs the range: no two calls
  /// of one rank overlap, so it indexes scratch.  Allocates nothing.  Results must not depend on the rank
  /// or on the order of ranges: that is what keeps outputs equal for every thread count.  An exception thrown
  /// by body is rethrown here after all ranges ended (the first one wins).  Not re-entrant.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    FunctionRef<void(std::int64_t begin, std::int64_t end, int rank)> body);

  /// DSA_THREADS, else the cores this process may use (affinity and cgroup quota considered).
  static int default_threads();

 private:
  struct Team;
  std::unique_ptr<Team> team_;
};

}  // namespace dsa
