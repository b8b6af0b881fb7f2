#include "train/warmup/objective.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace dsa::train {
namespace {

struct TargetName {
  Target target;
  std::string_view name;
};
constexpr std::array<TargetName, 3> kTargets{
    {{Target::sum, "sum"}, {Target::max, "max"}, {Target::blend, "blend"}}};

}  // namespace

std::string_view name(Target target) {
  return std::ranges::find(kTargets, target, &TargetName::target)->name;
}

Target parse_target(std::string_view text) {
  const auto* found = std::ranges::find(kTargets, text, &TargetName::name);
  if (found == kTargets.end()) fail("`target` {}: expected sum, max or blend", printable(text));
  return found->target;
}

TargetMix mix_at(Target target, double progress) {
  switch (target) {
    case Target::sum:
      return {.sum_share = 1};
    case Target::max:
      return {.sum_share = 0};
    case Target::blend:
      return {.sum_share = static_cast<float>(std::clamp(progress, 0.0, 1.0))};
  }
  DSA_CHECK(false);
}

}  // namespace dsa::train
