#include "rl/train/task_source.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace dsa::rl {
namespace {

constexpr std::uint64_t kTasks = std::uint64_t{8} << 32;  // stream of the draws
constexpr std::uint64_t kDrawsOfATask = 4;
constexpr std::int64_t kSeedStride = std::int64_t{1} << 40;  // task numbers of different seeds are others

// `draw` from 0 to 1 decides whether a prompt is stretched and, evenly, how far.
std::int64_t stretch_of(double draw, const TaskSettings& s) {
  return draw < s.stretched ? std::llround(draw / s.stretched * static_cast<double>(s.stretch)) : 0;
}

}  // namespace

TaskSource::Drawn TaskSource::draw(std::int64_t place, std::uint64_t seed, std::uint64_t stream) const {
  const CounterRng rng(static_cast<std::uint64_t>(settings_.seed), kTasks + stream);
  const auto at = static_cast<std::uint64_t>(place) * kDrawsOfATask;
  double left = rng.unit(at);
  std::size_t which = 0;
  while (which + 1 < domains_.size() && left >= domains_[which].share) left -= domains_[which++].share;
  const std::int64_t hardest = domains_[which].hardest.value_or(settings_.hardest);
  const std::int64_t levels = std::max<std::int64_t>(1, hardest - settings_.easiest + 1);
  const auto level =
      settings_.easiest + static_cast<std::int64_t>(rng.unit(at + 1) * static_cast<double>(levels));
  const bool brief = settings_.style == "brief" || (settings_.style == "both" && rng.unit(at + 2) < 0.5);
  const TaskId id{.seed = seed,
                  .number = settings_.seed % 1024 * kSeedStride + place,
                  .difficulty = static_cast<int>(level),
                  .context = stretch_of(rng.unit(at + 3), settings_)};
  return {.domain = domains_[which].domain,
          .task = make_task(*domains_[which].domain, id),
          .style = brief ? Style::brief : Style::steps};
}

}  // namespace dsa::rl
