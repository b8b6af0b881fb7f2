#include "engine/repetition.h"

#include <algorithm>

#include "base/numeric.h"

namespace dsa {

RepetitionWatch::RepetitionWatch() : run_(usize(kMost) + 1) {}

bool RepetitionWatch::push(std::span<const std::int32_t> answer) {
  const std::int64_t last = std::ssize(answer) - 1;
  bool circles = false;
  for (std::int64_t distance = 1; distance <= std::min(kMost, last); ++distance) {
    std::int64_t& run = run_[usize(distance)];
    run = answer[usize(last)] == answer[usize(last - distance)] ? run + 1 : 0;
    const std::int64_t stretch = round_up(kLeast, distance);
    circles = circles || run >= times(stretch) * stretch - distance;
  }
  return circles;
}

}  // namespace dsa
