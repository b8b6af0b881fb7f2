#include "accounts/money.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dsa::accounts {
namespace {

constexpr std::size_t kDigits = 6;

std::optional<Money> digits(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  Money value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::optional<Money> parse_money(std::string_view text) {
  const auto point = text.find('.');
  const auto whole = digits(text.substr(0, point));
  if (!whole || *whole > kMostMoney / kMoneyUnit) return std::nullopt;
  if (point == std::string_view::npos) return *whole * kMoneyUnit;
  std::string behind(text.substr(point + 1));
  if (behind.size() > kDigits) return std::nullopt;
  const auto part = digits(behind);
  if (!part) return std::nullopt;
  Money micro = *part;
  for (std::size_t i = behind.size(); i < kDigits; ++i) micro *= 10;
  const Money amount = *whole * kMoneyUnit + micro;
  if (amount > kMostMoney) return std::nullopt;
  return amount;
}

std::string money_text(Money amount) {
  const Money absolute = amount < 0 ? -amount : amount;
  std::string text =
      fmt::format("{}{}.{:06}", amount < 0 ? "-" : "", absolute / kMoneyUnit, absolute % kMoneyUnit);
  const std::size_t least = text.find('.') + 3;
  while (text.size() > least && text.ends_with('0')) text.pop_back();
  return text;
}

}  // namespace dsa::accounts
