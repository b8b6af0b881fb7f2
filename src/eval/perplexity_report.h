// Perplexities for a person and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "eval/perplexity.h"

namespace dsa {

nlohmann::ordered_json to_json(const Perplexity& perplexity);
nlohmann::ordered_json to_json(const Interval& interval);  // [low, high]
nlohmann::ordered_json to_json(const PerplexityGap& gap);

struct PerplexityColumn {
  std::string title;
  const Perplexity* perplexity = nullptr;
};
/// One row a stretch of positions, one column each; all over the same windows.
std::string perplexity_table(std::span<const PerplexityColumn> columns);

/// "+1.23 % (+0.91 .. +1.55)".
std::string to_text(const PerplexityGap& gap);

}  // namespace dsa
