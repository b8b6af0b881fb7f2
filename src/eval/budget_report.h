// From the figures of many samples to a division of the budget, and to what a person reads of it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "eval/budget.h"
#include "eval/budget_solver.h"

namespace dsa {

/// Of the samples of one kind, means.
struct BudgetKind {
  std::int64_t samples = 0;
  double loss = 0;
  double log_prob = 0;
};

/// What was measured, and what is made of it.
struct BudgetPlan {
  std::vector<std::int64_t> before;  // by layer: what selects now
  std::map<std::string, BudgetKind> kinds;
  /// By layer: BudgetFigures::effect as a share of the loss, both summed over the scored tokens of all
  /// samples, and its standard error.
  std::vector<double> effect, error;
  std::vector<std::int64_t> after;  // by layer
  double expected = 0;              // change of the loss, as a share of it, if it falls as 1 / top-k
};

class BudgetTotals {
 public:
  void add(const std::string& kind, const BudgetFigures& figures);
  [[nodiscard]] bool empty() const { return samples_.empty(); }

  /// A division of `mean` tokens within `bounds`.  Throws Error if these samples lose nothing by selecting.
  [[nodiscard]] BudgetPlan plan(std::vector<std::int64_t> before, std::int64_t mean,
                                const BudgetBounds& bounds) const;

 private:
  std::vector<std::pair<std::string, BudgetFigures>> samples_;
};

nlohmann::ordered_json to_json(const BudgetPlan& plan);
/// A table, the last line ended too.
std::string to_text(const BudgetPlan& plan);
/// A page with plots by layer.  `about`: rows of what was measured on.
std::string to_html(const BudgetPlan& plan, const std::vector<std::pair<std::string, std::string>>& about);

}  // namespace dsa
