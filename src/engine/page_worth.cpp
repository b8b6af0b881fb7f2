#include "engine/page_worth.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <queue>
#include <utility>

namespace dsa {
namespace {

// log2(worth), up to what is the same for all pages at any time: an order that time does not change.
double rank(const KeptPage& page) {
  return page.uses / kHalfLife +
         std::log2(1 + static_cast<double>(std::max<std::int64_t>(0, page.index)) / 64);
}

}  // namespace

double moment_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double used_again(double uses, double now) {
  return now + kHalfLife * std::log2(1 + std::exp2((believed(uses, now) - now) / kHalfLife));
}

double believed(double uses, double now) { return uses <= now + 30 * kHalfLife ? uses : now; }  // 2^30 uses

std::vector<std::size_t> least_worth(std::span<const KeptPage> pages, std::int64_t bytes) {
  std::map<PageKey, std::size_t> by_key;
  for (std::size_t i = 0; i < pages.size(); ++i) by_key.emplace(pages[i].key, i);
  std::vector<std::size_t> in_order(pages.size());
  std::iota(in_order.begin(), in_order.end(), 0);
  std::ranges::sort(in_order, {}, [&](std::size_t i) { return pages[i].index; });

  // Where each page's chain leads back to a first page, the page before it; itself where it is the first.
  // Labels that lie, in a circle too, lead nowhere.
  std::vector<std::optional<std::size_t>> before(pages.size());
  std::vector<int> followers(pages.size());
  for (const std::size_t i : in_order) {
    if (pages[i].index <= 0) before[i] = i;
    const auto at = by_key.find(pages[i].before);
    if (before[i] || at == by_key.end()) continue;
    if (pages[at->second].index != pages[i].index - 1 || !before[at->second]) continue;
    before[i] = at->second;
    ++followers[at->second];
  }

  struct Candidate {
    bool found;  // by somebody who looks for it
    double rank;
    std::size_t page;
    auto operator<=>(const Candidate&) const = default;
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::size_t i) {
    if (followers[i] == 0) candidates.push({before[i].has_value(), rank(pages[i]), i});
  };
  for (const std::size_t i : in_order) consider(i);
  std::vector<std::size_t> go;
  while (bytes > 0 && !candidates.empty()) {
    const std::size_t i = candidates.top().page;
    candidates.pop();
    go.push_back(i);
    bytes -= pages[i].bytes;
    if (before[i] && *before[i] != i) {
      --followers[*before[i]];
      consider(*before[i]);
    }
  }
  return go;
}

}  // namespace dsa
