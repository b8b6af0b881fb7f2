#include "cost/figures.h"

#include <cmath>

namespace dsa::cost {

std::string figure(double value) {
  return std::abs(value) >= 99.95 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string figure(const std::optional<double>& value) { return value ? figure(*value) : "never"; }

std::string figure(const Range& range) {
  const std::string low = figure(range.low), high = figure(range.high);
  return low == high ? low : fmt::format("{} - {}", low, high);
}

std::string staff_text(const Settings& settings) {
  const Site& s = settings.site;
  const auto staff = [&](Corner corner) {
    return yearly(at(settings, corner), /*request_s=*/0, /*requests_a_day=*/0, /*machines=*/0).staff;
  };
  return fmt::format("{} hours a month and {} once, $ {} an hour: $ {} a year", figure(s.staff_hours_month),
                     figure(s.setup_hours), figure(s.staff_usd_hour),
                     figure(Range(staff(Corner::cheap), staff(Corner::dear))));
}

std::string workload_text(const Workload& w) {
  return fmt::format(
      "{} requests a day in {} hours, {} days a year; each reads {} tokens, {} % of them found in the cache, "
      "and writes {}",
      figure(w.requests_a_day), figure(w.hours_a_day), figure(w.days_a_year), figure(w.prompt_tokens),
      figure(100 * w.hit_ratio.value()), figure(w.answer_tokens));
}

}  // namespace dsa::cost
