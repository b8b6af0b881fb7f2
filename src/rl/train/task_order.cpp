#include "rl/train/task_order.h"

#include <algorithm>
#include <cmath>

namespace dsa::rl {
namespace {

constexpr std::int64_t kMostWait = 4;  // steps' worth of tasks: what taught long ago has been learnt

}  // namespace

std::vector<std::int64_t> TaskOrder::step(std::int64_t tasks, double again) const {
  const auto most = std::llround(again * static_cast<double>(tasks));
  const auto known = std::min<std::int64_t>(most, std::ssize(waiting));
  std::vector<std::int64_t> out(waiting.begin(), waiting.begin() + known);
  for (std::int64_t place = next; std::ssize(out) < tasks; ++place) out.push_back(place);
  return out;
}

void TaskOrder::played(std::span<const std::int64_t> places, std::span<const std::size_t> taught,
                       double again) {
  std::int64_t known = 0;
  for (const std::int64_t place : places) (place < next ? known : next) += 1;
  waiting.erase(waiting.begin(), waiting.begin() + known);
  if (again == 0) return;
  for (const std::size_t i : taught) waiting.push_back(places[i]);
  const std::int64_t over = std::ssize(waiting) - kMostWait * std::ssize(places);
  if (over > 0) waiting.erase(waiting.begin(), waiting.begin() + over);
}

}  // namespace dsa::rl
