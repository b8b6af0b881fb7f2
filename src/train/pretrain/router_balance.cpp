#include "train/pretrain/router_balance.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "train/pretrain/mla_weights.h"

namespace dsa::train {

std::optional<ExpertRecord> experts_of(const MlaModel::Losses& losses) {
  ExpertRecord out{.busiest = 0, .idlest = std::numeric_limits<double>::infinity()};
  for (const auto& load : losses.expert_load) {
    if (load.empty()) continue;
    const double fair = static_cast<double>(std::accumulate(load.begin(), load.end(), std::int64_t{0})) /
                        static_cast<double>(load.size());
    const auto [least, most] = std::ranges::minmax(load);
    out.busiest = std::max(out.busiest, static_cast<double>(most) / fair);
    out.idlest = std::min(out.idlest, static_cast<double>(least) / fair);
  }
  if (out.busiest == 0) return std::nullopt;
  return out;
}

void balance_routers(FlatTensors& weights, const MlaModel::Losses& losses, double speed) {
  for (std::size_t layer = 0; layer < losses.expert_load.size(); ++layer) {
    const auto& load = losses.expert_load[layer];
    if (load.empty()) continue;
    const auto bias = weights.of(*weights.find(router_bias(static_cast<std::int64_t>(layer))));
    const std::int64_t all = std::accumulate(load.begin(), load.end(), std::int64_t{0});
    for (std::size_t e = 0; e < load.size(); ++e) {
      const std::int64_t over = load[e] * static_cast<std::int64_t>(load.size()) - all;
      if (over != 0) bias[e] += static_cast<float>(over > 0 ? -speed : speed);
    }
  }
}

}  // namespace dsa::train
