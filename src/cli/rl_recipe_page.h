// The page that `dsa rl recipe` ends with.
#pragma once

#include <filesystem>
#include <string>

namespace dsa::cli {

/// Where a recipe keeps what its models solve at temperature 1, within its folder.
inline constexpr const char* kSampledFolder = "sampled";

/// What a recipe shows of each claim, and what its models solve: by the likeliest token, from
/// FOLDER/eval-*.json, and drawn as in training, from FOLDER/sampled/eval-*.json.  HTML.  Throws Error.
std::string recipe_page(const std::filesystem::path& folder);

}  // namespace dsa::cli
