// What runs of `dsa rl recipe` show about what was announced of the recipe.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/statistics.h"

namespace dsa::cli {

/// What a recipe's evaluation found: by model and domain, of each task whether it was solved.
struct RecipeResult {
  std::string folder;
  std::vector<std::string> domains;  // in their order
  std::map<std::string, std::map<std::string, std::vector<double>>> solved;
  std::string in_a_row;  // the last of the control's models
};
/// From DIR/eval-*.json.  Throws Error.
RecipeResult read_recipe(const std::filesystem::path& folder);

/// Per cent of a domain's tasks; `model`: "start", "distilled" and "mixed", "specialist" for the domain's
/// own, "in-a-row" for the last of the control's.  Throws Error if it was not evaluated.
double percent_solved(const RecipeResult& run, const std::string& model, const std::string& domain);

struct Claim {
  std::string what, asked;
  double value = 0;  // points of percent, unless `asked` says otherwise
  std::optional<Interval> interval = {};
  std::vector<double> seeds = {};  // the same of each run alone
  bool holds = false;
};
/// `runs`: of other seeds, at least one; `dense`: the first of them without selections, in the same order, or
/// none.
/// Intervals are over all tasks, paired.  Throws Error if they are not of the same domains.
std::vector<Claim> claims(std::span<const RecipeResult> runs, std::span<const RecipeResult> dense);

/// A table as text, and in HTML.
std::string claims_text(std::span<const Claim> claims);
std::string claims_html(std::span<const Claim> claims);

}  // namespace dsa::cli
