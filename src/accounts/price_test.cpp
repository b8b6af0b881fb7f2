#include "accounts/price.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/json.h"

namespace dsa::accounts {
namespace {

PriceBook book(std::string_view json) { return {parse_json(json, "test"), "prices"}; }
Moment at(const char* day, int hour, int minute = 0) {
  return Moment(parse_day(day).value()) + std::chrono::hours(hour) + std::chrono::minutes(minute);
}

TEST(Price, TheSumIsExactAndRoundedUpOnce) {
  const Price price{.hit = 28'000, .miss = 280'000, .output = 420'000};
  EXPECT_EQ(cost_of({}, price), 0);
  EXPECT_EQ(cost_of({.hit = 1}, price), 1) << "0.028 millionths";
  EXPECT_EQ(cost_of({.hit = 1, .miss = 1, .output = 1}, price), 1) << "0.728 millionths, not three";
  EXPECT_EQ(cost_of({.miss = 25}, price), 7) << "exactly";
  EXPECT_EQ(cost_of({.miss = 26}, price), 8);
  EXPECT_EQ(cost_of({.hit = 1'000'000, .miss = 1'000'000, .output = 1'000'000}, price), 728'000);
  constexpr auto kMany = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(cost_of({.hit = kMany, .miss = kMany, .output = kMany}, price), kMostMoney) << "nothing wraps";
}

TEST(Price, WithoutATableTheAnnouncementsPricesHold) {
  const PriceBook none;
  EXPECT_EQ(none.at("m", true, at("2026-01-01", 0)),
            (Price{.hit = 28'000, .miss = 280'000, .output = 420'000}));
  EXPECT_EQ(none.at("m", false, at("2026-01-01", 0)),
            (Price{.hit = 70'000, .miss = 560'000, .output = 1'680'000}));
  EXPECT_EQ(none.currency(), "USD");
}

TEST(Price, AModelsOwnGoesBeforeThatOfAll) {
  const PriceBook two = book(R"({"currency": "CNY", "a": {"hit": 0.2, "miss": "2", "output": 3},
                                 "*": {"hit": 0, "miss": 1, "output": 1.5}})");
  EXPECT_EQ(two.currency(), "CNY");
  EXPECT_EQ(two.at("a", true, at("2026-01-01", 0)).miss, 2'000'000);
  EXPECT_EQ(two.at("b", true, at("2026-01-01", 0)).output, 1'500'000);
}

TEST(Price, ABandHoldsFromItsFirstMinuteUntilTheOneItEndsWith) {
  const PriceBook bands = book(R"({"holidays": ["2026-01-06"],
      "m": {"hit": 0, "miss": 1, "output": 1,
            "bands": [{"days": ["mon", "tue"], "from": "09:30", "to": "12:00",
                       "hit": 0, "miss": 2, "output": 2},
                      {"from": "23:00", "to": "24:00", "hit": 0, "miss": 3, "output": 3}]}})");
  const auto miss = [&](Moment moment) { return bands.at("m", true, moment).miss / kMoneyUnit; };
  EXPECT_EQ(miss(at("2026-01-05", 9, 29)), 1) << "a Monday";
  EXPECT_EQ(miss(at("2026-01-05", 9, 30)), 2);
  EXPECT_EQ(miss(at("2026-01-05", 11, 59)), 2);
  EXPECT_EQ(miss(at("2026-01-05", 12)), 1);
  EXPECT_EQ(miss(at("2026-01-07", 10)), 1) << "a Wednesday";
  EXPECT_EQ(miss(at("2026-01-07", 23, 59)), 3) << "every day";
  EXPECT_EQ(miss(at("2026-01-06", 10)), 1) << "a holiday";
  EXPECT_EQ(miss(at("2026-01-13", 10)), 2) << "the Tuesday after";
}

TEST(Price, WhatIsNoPriceIsNamed) {
  const auto complaint = [](const std::string& json) -> std::string {
    try {
      book(json);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto band = [](const std::string& fields) {
    return R"({"m": {"hit": 0, "miss": 0, "output": 0, "bands": [{"hit": 0, "miss": 0, "output": 0, )" +
           fields + "}]}}";
  };
  EXPECT_EQ(complaint(R"({"m": {"hit": 0.5, "miss": 0.0000001, "output": 1}})"),
            "prices.m: miss is 1e-07, expected what a million tokens cost: 0 to 1000000, at most six digits "
            "behind the point");
  for (const std::string json :
       {R"({"m": {"hit": -1, "miss": 1, "output": 1}})", R"({"m": {"hit": 1, "miss": 1}})",
        R"({"m": {"hit": 1, "miss": 1, "output": 1e7}})", R"({"m": {"hit": 1, "miss": 1, "output": true}})",
        R"({"m": {"hit": 1, "miss": 1, "output": 1, "in": 1}})", R"({"m": 1})", R"({"currency": "usd"})",
        R"({"currency": 1})", R"({"holidays": ["2026-02-30"]})", R"({"holidays": "2026-01-01"})", "[]"})
    EXPECT_NE(complaint(json), "") << json;
  for (const std::string fields : {R"("from": "12:00", "to": "12:00")", R"("from": "22:00", "to": "02:00")",
                                   R"("from": "9:00", "to": "12:00")", R"("from": "09:60", "to": "12:00")",
                                   R"("from": "09:00", "to": "24:01")", R"("from": "09:00")",
                                   R"("from": "09:00", "to": "10:00", "days": ["monday"])",
                                   R"("from": "09:00", "to": "10:00", "days": "mon")"})
    EXPECT_NE(complaint(band(fields)), "") << fields;
}

}  // namespace
}  // namespace dsa::accounts
