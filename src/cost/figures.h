// Figures as people read them.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "cost/comparison.h"
#include "cost/range.h"

namespace dsa::cost {

/// Three digits, or all that stand before the point: 0.0283, 1.2, 48213.
std::string figure(double value);
/// "never" for nothing.
std::string figure(const std::optional<double>& value);
/// "2 - 4", or "2".
std::string figure(const Range& range);

/// "3 [2 - 5]": the middle, then from the cheap corner to the dear one; "3" where all are the same.
template <class T, class F>
std::string figures(const Corners<T>& corners, const F& what) {
  const std::string cheap = figure(what(corners.cheap)), middle = figure(what(corners.middle)),
                    dear = figure(what(corners.dear));
  return cheap == middle && middle == dear ? middle : fmt::format("{} [{} - {}]", middle, cheap, dear);
}

/// The staff that one's own machines take: hours, what an hour costs, and what that makes a year.
std::string staff_text(const Settings& settings);
/// The workload in one sentence.
std::string workload_text(const Workload& workload);

}  // namespace dsa::cost
