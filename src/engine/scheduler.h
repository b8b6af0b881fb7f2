// Who gets rows of the next forward pass: a pure function of plain data.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dsa {

/// An answer that has a place in the cache, or wants one.
struct Candidate {
  std::int64_t id = 0;        // ascending in order of arrival
  std::int32_t priority = 0;  // higher goes first
  std::int64_t pending = 0;   // tokens that are to be computed before the next one can be chosen; 1 or more
  bool writing = false;       // it has begun to answer: pending is 1
  double waited = 0;          // seconds since it came
  /// What it would compute next; others of the same wait until the most urgent one has.  0: like no other's.
  std::uint64_t work = 0;
};

/// Seconds of waiting weigh as much as so many tokens less to read: what is short goes first, and what is
/// long is not passed by for ever.
inline constexpr double kTokensOfASecond = 512;

/// Sorts by urgency: priority, then the least left to read, those that waited for longer sooner; then
/// arrival.
void by_urgency(std::vector<Candidate>& candidates);

struct Share {
  std::int64_t id = 0;
  std::int64_t rows = 0;
};
/// Candidates by urgency.  Each that writes gets a row, the others in turn what they want of `piece` rows; no
/// more than `rows` together.
std::vector<Share> plan(std::span<const Candidate> candidates, std::int64_t rows, std::int64_t piece);

}  // namespace dsa
