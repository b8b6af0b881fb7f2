#include "accounts/money.h"

#include <gtest/gtest.h>

#include "accounts/calendar.h"

namespace dsa::accounts {
namespace {

TEST(Money, WhatIsTypedIsTakenExactlyOrNotAtAll) {
  EXPECT_EQ(parse_money("5"), 5'000'000);
  EXPECT_EQ(parse_money("0.028"), 28'000);
  EXPECT_EQ(parse_money("1000.000001"), 1'000'000'001);
  EXPECT_EQ(parse_money("0"), 0);
  EXPECT_EQ(parse_money("1000000000"), kMostMoney);
  for (const auto* wrong : {"", ".", "1.", ".5", "-1", "+1", "1e3", "0x1", " 1", "1 ", "1,5", "0.0000001",
                            "1000000000.000001", "1000000001", "99999999999999999999", "nan"})
    EXPECT_EQ(parse_money(wrong), std::nullopt) << wrong;
}

TEST(Money, IsWrittenWithAsManyDigitsAsItNeeds) {
  EXPECT_EQ(money_text(0), "0.00");
  EXPECT_EQ(money_text(5'000'000), "5.00");
  EXPECT_EQ(money_text(28'000), "0.028");
  EXPECT_EQ(money_text(1), "0.000001");
  EXPECT_EQ(money_text(-1'500'000), "-1.50");
  for (const Money amount : {Money{0}, Money{1}, Money{999'999}, Money{1'000'000}, kMostMoney})
    EXPECT_EQ(parse_money(money_text(amount)), amount);
}

TEST(Calendar, DaysAreReadAndWritten) {
  for (const auto* day : {"1970-01-01", "2024-02-29", "2026-12-31"})
    EXPECT_EQ(day_text(parse_day(day).value()), day);
  for (const auto* wrong :
       {"", "2026-02-29", "2026-13-01", "2026-1-1", "2026/01/01", "2026-01-0x", "-026-01-01"})
    EXPECT_EQ(parse_day(wrong), std::nullopt) << wrong;
  EXPECT_EQ(day_text(next_month(parse_day("2025-12-31").value())), "2026-01-01");
  EXPECT_EQ(day_text(month_of(parse_day("2026-03-31").value())), "2026-03-01");
  EXPECT_EQ(moment_text(Moment(parse_day("2026-03-01").value()) - std::chrono::milliseconds(1)),
            "2026-02-28T23:59:59Z");
}

}  // namespace
}  // namespace dsa::accounts
