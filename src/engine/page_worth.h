// Which of the pages on disk are worth their place.
//
//   uses(now)   sum over the times it was used of 2^(-(now - time) / kHalfLife); being written is the first
//   worth(now)  uses(now) * (1 + index / 64)
//
// What a token costs to compute again grows with its past, and after some 64 pages of past has doubled; what
// else it costs grows with the model as its bytes do, so this is by byte, whatever the model.
//
// A page without all those before it is found by nobody: such go first, then pages that none follows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/page_store.h"

namespace dsa {

/// Seconds.  Against it stand the uses and the depth of a page: ten uses outweigh six and a half hours.
inline constexpr double kHalfLife = 2.0 * 60 * 60;

/// By the clock that people set: it goes on while no process runs.  Seconds since 1970.
double moment_now();

/// uses() as one number that needs no updating while time passes: the moment at which a single use would be
/// worth as much.
double used_again(double uses, double now);
/// The same moment, or `now` if no uses can have brought it so far: a clock was wrong.
double believed(double uses, double now);

struct KeptPage {
  PageKey key = {};
  PageKey before = {};
  std::int64_t index = 0;
  std::int64_t bytes = 0;
  double uses = 0;
};

/// Which pages should go, in this order, so that `bytes` are free or none is left.
std::vector<std::size_t> least_worth(std::span<const KeptPage> pages, std::int64_t bytes);

}  // namespace dsa
