#include "engine/scheduler.h"

#include <algorithm>
#include <unordered_set>

namespace dsa {

void by_urgency(std::vector<Candidate>& candidates) {
  const auto left = [](const Candidate& c) {
    return static_cast<double>(c.pending) - c.waited * kTokensOfASecond;
  };
  std::ranges::sort(candidates, [&](const Candidate& a, const Candidate& b) {
    if (a.priority != b.priority) return a.priority > b.priority;
    if (left(a) != left(b)) return left(a) < left(b);
    return a.id < b.id;
  });
}

std::vector<Share> plan(std::span<const Candidate> candidates, std::int64_t rows, std::int64_t piece) {
  std::vector<Share> out;
  for (const Candidate& c : candidates) {
    if (!c.writing || rows == 0) continue;
    out.push_back({.id = c.id, .rows = 1});
    --rows;
  }
  std::unordered_set<std::uint64_t> begun;
  piece = std::min(piece, rows);
  for (const Candidate& c : candidates) {
    if (c.writing || piece == 0) continue;
    if (c.work != 0 && !begun.insert(c.work).second) continue;
    const std::int64_t share = std::min(c.pending, piece);
    out.push_back({.id = c.id, .rows = share});
    piece -= share;
  }
  return out;
}

}  // namespace dsa
