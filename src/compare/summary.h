// All prompts' results put together, pair by pair.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compare/result.h"
#include "eval/statistics.h"

namespace dsa::compare {

/// One figure of both sides, over the prompts for which both have it.
struct Row {
  Metric metric;
  double a = 0, b = 0;                             // means
  std::optional<Interval> a_interval, b_interval;  // of a share
  PairedDifference difference;                     // B's - A's
};

struct Group {
  std::string set;  // "all" for all of them
  std::int64_t prompts = 0;
  std::int64_t equal = 0;  // answers that are the same word for word
  std::vector<Row> rows;   // those of which there is a pair
};

struct JudgeSummary {
  std::int64_t a = 0, b = 0, tie = 0;  // settled
  std::int64_t by_place = 0;           // another one when the places were swapped
  std::int64_t unclear = 0;            // said nothing that can be read
  std::int64_t decided = 0;            // by the rules and by the judge, neither for a tie
  std::int64_t agreed = 0;             // of those, for the same side
  std::optional<Interval> agreement = {};
};

struct Summary {
  std::vector<Group> groups;  // by set in their order, then "all" if there are several
  std::optional<JudgeSummary> judge = {};
};

/// Of at least one result.
Summary summarise(std::span<const Result> results);

nlohmann::ordered_json to_json(const Summary& summary);

}  // namespace dsa::compare
