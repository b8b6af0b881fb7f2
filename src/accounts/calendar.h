// Moments and days of the bill, all in UTC.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dsa::accounts {

using Moment = std::chrono::sys_time<std::chrono::milliseconds>;
using Day = std::chrono::sys_days;

inline Moment now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}
inline Day day_of(Moment moment) { return std::chrono::floor<std::chrono::days>(moment); }
/// The first day of its month, and of the month behind that.
Day month_of(Day day);
Day next_month(Day day);

/// "2026-02-28"; nothing for what is no such day.
std::optional<Day> parse_day(std::string_view text);
std::string day_text(Day day);
/// "2026-02-28T13:00:59Z".
std::string moment_text(Moment moment);

}  // namespace dsa::accounts
