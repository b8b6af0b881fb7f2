#include "eval/budget_solver.h"

#include <algorithm>
#include <numeric>

#include "base/numeric.h"

namespace dsa {

std::vector<std::int64_t> divide_budget(std::span<const double> weights, std::int64_t mean,
                                        const BudgetBounds& bounds) {
  DSA_CHECK(!weights.empty() && bounds.least >= 1 && bounds.step >= 1);
  DSA_CHECK(bounds.least <= mean && mean <= bounds.most);
  std::vector<std::int64_t> out(weights.size(), bounds.least);
  std::int64_t left = (mean - bounds.least) * std::ssize(out);
  const auto given = [&](std::size_t i) { return std::min({bounds.step, left, bounds.most - out[i]}); };
  const auto gain = [&](std::size_t i) {
    const auto now = static_cast<double>(out[i]), then = static_cast<double>(out[i] + given(i));
    return (weights[i] / now - weights[i] / then) / (then - now);
  };
  while (left > 0) {
    std::size_t best = out.size();
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] == bounds.most) continue;
      // Of equals the one that has less: where nobody gains, all get the same.
      if (best == out.size() || gain(i) > gain(best) || (gain(i) == gain(best) && out[i] < out[best]))
        best = i;
    }
    const std::int64_t tokens = given(best);
    out[best] += tokens;
    left -= tokens;
  }
  return out;
}

std::vector<double> shrunk(std::span<const double> estimates, std::span<const double> errors) {
  DSA_CHECK(!estimates.empty() && estimates.size() == errors.size());
  const auto n = static_cast<double>(estimates.size());
  const double mean = std::accumulate(estimates.begin(), estimates.end(), 0.0) / n;
  double scatter = 0, chance = 0;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    scatter += (estimates[i] - mean) * (estimates[i] - mean) / std::max(n - 1, 1.0);
    chance += errors[i] * errors[i] / n;
  }
  const double spread = std::max(scatter - chance, 0.0);  // variance of the true values
  std::vector<double> out;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    const double total = spread + errors[i] * errors[i];
    out.push_back(total > 0 ? mean + (estimates[i] - mean) * spread / total : estimates[i]);
  }
  return out;
}

}  // namespace dsa
