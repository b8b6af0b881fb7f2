// Stages in a row, each with its share of all tokens: "NAME:SHARE,NAME:SHARE".
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace dsa::train {

/// Of a list, for the error that a bad one gets.
struct ShareSyntax {
  std::string_view setting;  // that the list is the value of
  std::string_view form;     // "TOKENS:SHARE, as in 2048:0.3,8192:0.7"
};

/// The shares, made to add up to 1; one that is left out counts as 1.  `add_name` gets each name in turn and
/// says whether it is one.  Throws Error.
std::vector<double> parse_shares(std::string_view text, const ShareSyntax& syntax,
                                 const std::function<bool(std::string_view)>& add_name);

/// Where `tokens` of `budget` lie among stages with these shares.
struct Place {
  std::size_t stage = 0;
  double done = 0;  // share of this stage's tokens
};
/// The beginning of the first stage while the budget is not known (0).
Place place_at(std::span<const double> shares, std::int64_t tokens, std::int64_t budget);

}  // namespace dsa::train
