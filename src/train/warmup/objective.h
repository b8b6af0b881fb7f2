// What an indexer is trained towards.
#pragma once

#include <cstdint>
#include <string_view>

namespace dsa::train {

/// The distribution over earlier tokens that a query's index scores are to follow, from the attention of all
/// heads: `sum`, the heads' mean (the paper's), `max`, the heads' maximum renormalised, which keeps the few
/// sharp retrieval heads, or a blend that moves from max to sum as training goes.
enum class Target : std::uint8_t { sum, max, blend };

std::string_view name(Target target);
/// Throws Error.
Target parse_target(std::string_view text);

/// target = sum_share * sum + (1 - sum_share) * max.
struct TargetMix {
  float sum_share = 1;
};

/// `progress` in [0, 1]: how much of the training is done.
TargetMix mix_at(Target target, double progress);

}  // namespace dsa::train
