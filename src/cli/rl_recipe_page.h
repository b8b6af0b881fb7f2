// The pages that `dsa rl recipe` and `dsa rl claims` end with.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "cli/rl_claims.h"

namespace dsa::cli {

/// Where a recipe keeps what its models solve at temperature 1, within its folder.
inline constexpr const char* kSampledFolder = "sampled";

/// What a recipe shows of each claim, and what its models solve: by the likeliest token, from
/// FOLDER/eval-*.json, and drawn as in training, from FOLDER/sampled/eval-*.json.  HTML.  Throws Error.
std::string recipe_page(const std::filesystem::path& folder);

/// What several show together, as claims() does.
std::string claims_page(std::span<const RecipeResult> runs, std::span<const RecipeResult> dense);

}  // namespace dsa::cli
