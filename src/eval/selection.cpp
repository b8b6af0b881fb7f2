#include "eval/selection.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace dsa {
namespace {

double mean(double sum, std::int64_t count) { return count > 0 ? sum / static_cast<double>(count) : 0; }

double share(std::int64_t part, std::size_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::size_t index(Selector selector) { return static_cast<std::size_t>(selector); }

}  // namespace

double kept_mass(std::span<const float> mass, std::span<const std::int32_t> selected) {
  double sum = 0;
  for (const auto s : selected) sum += static_cast<double>(mass[static_cast<std::size_t>(s)]);
  return sum;
}

std::int64_t shared_positions(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  std::int64_t count = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      ++count;
      ++i;
      ++j;
    } else {
      a[i] < b[j] ? ++i : ++j;
    }
  }
  return count;
}

void select_window(std::int64_t visible, std::span<std::int32_t> out) {
  const auto topk = static_cast<std::int64_t>(out.size());
  DSA_CHECK(topk >= 1 && topk <= visible);
  const std::int64_t sinks = std::min(kSinks, topk - 1);
  for (std::int64_t i = 0; i < topk; ++i)
    out[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i < sinks ? i : visible - topk + i);
}

void SelectionSums::add_row(std::span<const float> mass, std::span<const std::int32_t> best,
                            std::span<const std::int32_t> selected, std::span<const std::int32_t> before) {
  DSA_CHECK(!best.empty() && best.size() == selected.size() && best.size() < mass.size());
  std::vector<std::int32_t> window(best.size());
  select_window(static_cast<std::int64_t>(mass.size()), window);
  const auto add = [&](Selector selector, double mass_kept, double recall) {
    kept[index(selector)].mass += mass_kept;
    kept[index(selector)].recall += recall;
  };
  add(Selector::indexer, kept_mass(mass, selected), share(shared_positions(selected, best), best.size()));
  add(Selector::best, kept_mass(mass, best), 1);
  add(Selector::window, kept_mass(mass, window), share(shared_positions(window, best), best.size()));
  // Each token is in a random selection with the same chance, and the mass sums to one.
  const double chance = share(static_cast<std::int64_t>(best.size()), mass.size());
  add(Selector::random, chance, chance);
  ++rows;
  if (before.empty()) return;
  overlap += share(shared_positions(selected, before), selected.size());
  ++pairs;
}

void SelectionSums::add(const SelectionSums& other) {
  rows += other.rows;
  for (std::size_t i = 0; i < kSelectors; ++i) {
    kept[i].mass += other.kept[i].mass;
    kept[i].recall += other.kept[i].recall;
  }
  pairs += other.pairs;
  overlap += other.overlap;
}

double SelectionSums::mass(Selector selector) const { return mean(kept[index(selector)].mass, rows); }
double SelectionSums::recall(Selector selector) const { return mean(kept[index(selector)].recall, rows); }
double SelectionSums::mean_overlap() const { return mean(overlap, pairs); }

double SelectionSums::mass_ratio() const {
  const double best = mass(Selector::best);
  return best > 0 ? mass(Selector::indexer) / best : 0;
}

}  // namespace dsa
