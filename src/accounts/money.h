// Money: whole millionths of a currency's unit.  Exact, never a double.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsa::accounts {

using Money = std::int64_t;
inline constexpr Money kMoneyUnit = 1'000'000;
/// A thousand million units: beyond it no amount goes, and no sum of amounts overflows.
inline constexpr Money kMostMoney = 1'000'000'000 * kMoneyUnit;

/// "5", "0.028", "1000.000001": decimal, at most six digits behind the point, from 0 to kMostMoney; nothing
/// for anything else.
std::optional<Money> parse_money(std::string_view text);
/// "5.00", "0.028", "-0.000001": two digits behind the point, more where they are needed.
std::string money_text(Money amount);

}  // namespace dsa::accounts
