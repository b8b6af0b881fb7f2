// A division of selected tokens among layers that loses the least.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dsa {

struct BudgetBounds {
  std::int64_t least = 1;  // tokens of any layer
  std::int64_t most = 1;
  std::int64_t step = 1;  // what is given at a time
};

/// Tokens for each layer, `mean` of them on average, where layer i loses weights[i] / (its tokens).  Greedy:
/// from the least on, always a step for the layer that gains most by it, which for such losses no other
/// division beats but by what a step is worth.  weights: 0 or more, at least one; least <= mean <= most.
std::vector<std::int64_t> divide_budget(std::span<const double> weights, std::int64_t mean,
                                        const BudgetBounds& bounds);

/// Estimates with their standard errors, drawn towards their common mean by as much as they would scatter if
/// nothing but chance were in them (empirical Bayes: a normal spread of true values, normal errors).
std::vector<double> shrunk(std::span<const double> estimates, std::span<const double> errors);

}  // namespace dsa
