#include "accounts/calendar.h"

#include <fmt/format.h>

#include <charconv>

namespace dsa::accounts {
namespace {

using namespace std::chrono;

// All digits of `text`.
std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Day month_of(Day day) {
  const year_month_day date(day);
  return date.year() / date.month() / 1;
}
Day next_month(Day day) {
  const year_month_day date(day);
  return date.year() / date.month() / 1 + months(1);
}

std::optional<Day> parse_day(std::string_view text) {
  constexpr std::size_t kLength = 10, kMonth = 5, kDay = 8;
  if (text.size() != kLength || text[kMonth - 1] != '-' || text[kDay - 1] != '-') return std::nullopt;
  const auto y = number(text.substr(0, kMonth - 1)), m = number(text.substr(kMonth, 2)),
             d = number(text.substr(kDay));
  if (!y || !m || !d) return std::nullopt;
  const year_month_day date(year(static_cast<int>(*y)), month(*m), day(*d));
  if (!date.ok()) return std::nullopt;
  return Day(date);
}

std::string day_text(Day day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::string moment_text(Moment moment) {
  const Day day = day_of(moment);
  const hh_mm_ss time(floor<seconds>(moment - day));
  return fmt::format("{}T{:02}:{:02}:{:02}Z", day_text(day), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

}  // namespace dsa::accounts
