#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/ref/ref.h"

namespace dsa {
namespace {

/// The order of everything the router picks: higher value first, NaN last, ties to the lower index.
bool better(float a, std::int64_t index_a, float b, std::int64_t index_b) {
  if (std::isnan(a) != std::isnan(b)) return std::isnan(b);
  return a > b || (!(a < b) && index_a < index_b);
}

/// Position of the best of values[first .. first + count) for which allowed(position), or -1.
template <class Allowed>
std::int64_t best_of(const float* values, std::int64_t first, std::int64_t count, Allowed allowed) {
  std::int64_t best = -1;
  for (std::int64_t i = first; i < first + count; ++i)
    if (allowed(i) && (best < 0 || better(values[i], i, values[best], best))) best = i;
  return best;
}

/// One token: inference/model.py Gate.forward.
void route(const GateArgs& args, std::int64_t t) {
  const std::int64_t experts = args.logits.cols();
  const std::int64_t per_group = experts / args.groups;
  std::array<float, kMaxExperts> score{};   // s
  std::array<float, kMaxExperts> choice{};  // c
  std::array<float, kMaxExperts> group_score{};
  std::array<bool, kMaxExperts> kept{};   // groups
  std::array<bool, kMaxExperts> taken{};  // experts
  for (std::int64_t e = 0; e < experts; ++e) {
    score[e] = 1.0F / (1.0F + std::exp(-args.logits(t, e)));
    choice[e] = score[e] + (args.bias.empty() ? 0.0F : args.bias[e]);
  }
  for (std::int64_t g = 0; g < args.groups; ++g) {
    const auto first = best_of(choice.data(), g * per_group, per_group, [](auto) { return true; });
    const auto second = best_of(choice.data(), g * per_group, per_group, [&](auto e) { return e != first; });
    group_score[g] = choice[first] + (second < 0 ? 0.0F : choice[second]);
  }
  for (std::int64_t k = 0; k < args.topk_groups; ++k)
    kept[best_of(group_score.data(), 0, args.groups, [&](auto g) { return !kept[g]; })] = true;

  float sum = 0;
  for (std::int64_t k = 0; k < args.topk; ++k) {
    const auto e =
        best_of(choice.data(), 0, experts, [&](auto i) { return kept[i / per_group] && !taken[i]; });
    taken[e] = true;
    sum += score[e];
    args.ids(t, k) = static_cast<std::int32_t>(e);
    args.weights(t, k) = score[e];
  }
  for (std::int64_t k = 0; k < args.topk; ++k) {
    float& weight = args.weights(t, k);
    if (args.norm_topk) weight /= sum + 1e-20F;
    weight *= args.route_scale;
  }
}

}  // namespace

void ref::gate(Exec& exec, const GateArgs& args) {
  const std::int64_t n = args.logits.rows();
  const std::int64_t experts = args.logits.cols();
  DSA_CHECK(experts <= kMaxExperts && args.groups >= 1 && experts % args.groups == 0);
  DSA_CHECK(args.topk_groups >= 1 && args.topk_groups <= args.groups);
  DSA_CHECK(args.topk >= 1 && args.topk <= args.topk_groups * (experts / args.groups));
  DSA_CHECK(args.bias.empty() || static_cast<std::int64_t>(args.bias.size()) == experts);
  DSA_CHECK(args.ids.rows() == n && args.ids.cols() == args.topk);
  DSA_CHECK(args.weights.rows() == n && args.weights.cols() == args.topk);
  exec.parallel_for(n, 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) route(args, t);
  });
}

// A counting sort: on one thread, there is little of it.
void ref::sort_by_expert(Exec& /*exec*/, const SortByExpertArgs& args) {
  const auto& [ids, weights, start, rows, scale] = args;
  DSA_CHECK(weights.shape() == ids.shape());
  DSA_CHECK(std::ssize(rows) >= ids.size() && std::ssize(scale) >= ids.size());
  std::ranges::fill(start, 0);
  for (std::int64_t t = 0; t < ids.rows(); ++t)
    for (const auto id : ids.span(t)) ++start[id + 1];
  for (std::size_t e = 1; e < start.size(); ++e) start[e] += start[e - 1];
  // start[e] is now where expert e begins; it moves to where e ends while its pairs are placed ...
  for (std::int64_t t = 0; t < ids.rows(); ++t)
    for (std::int64_t slot = 0; slot < ids.cols(); ++slot) {
      const std::int32_t place = start[ids(t, slot)]++;
      rows[place] = static_cast<std::int32_t>(t);
      scale[place] = weights(t, slot);
    }
  // ... and moves back.
  for (std::size_t e = start.size() - 1; e > 0; --e) start[e] = start[e - 1];
  start[0] = 0;
}

}  // namespace dsa
