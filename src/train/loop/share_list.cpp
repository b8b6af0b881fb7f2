#include "train/loop/share_list.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/error.h"

namespace dsa::train {
namespace {

constexpr double kMostShare = 1e6;

// 0: it is none.
double share_of(std::string_view text) {
  double share = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), share);
  const bool whole = read.ec == std::errc{} && read.ptr == text.data() + text.size();
  return whole && share > 0 && share < kMostShare ? share : 0;
}

}  // namespace

std::vector<double> parse_shares(std::string_view text, const ShareSyntax& syntax,
                                 const std::function<bool(std::string_view)>& add_name) {
  std::vector<double> shares;
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto stage = text.substr(at, comma - at);
    const auto colon = stage.find(':');
    shares.push_back(colon == std::string_view::npos ? 1 : share_of(stage.substr(colon + 1)));
    if (!add_name(stage.substr(0, colon)) || shares.back() == 0)
      fail("`{}`: \"{}\" is not {}", syntax.setting, printable(stage), syntax.form);
    at = comma + 1;
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

Place place_at(std::span<const double> shares, std::int64_t tokens, std::int64_t budget) {
  if (budget <= 0) return {};
  const double progress = static_cast<double>(tokens) / static_cast<double>(budget);
  double begin = 0;
  for (std::size_t i = 0;; ++i) {
    if (progress < begin + shares[i] || i + 1 == shares.size())
      return {.stage = i, .done = std::clamp((progress - begin) / shares[i], 0.0, 1.0)};
    begin += shares[i];
  }
}

}  // namespace dsa::train
