#include "cost/comparison.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cost/figures.h"

namespace dsa::cost {
namespace {

Speeds speeds() {
  const Timing reads{.position = 0, .fast_s = 0.0005, .middle_s = 0.001, .slow_s = 0.002};
  const Timing writes{.position = 0, .fast_s = 0.005, .middle_s = 0.01, .slow_s = 0.02};
  Speed sparse{.attention = "sparse", .prefill = {reads}, .decode = {writes}};
  Speed dense{.attention = "dense", .prefill = {reads}, .decode = {writes}};
  return {.source = "by hand", .kinds = {dense, sparse}};
}

TEST(Figures, HaveThreeDigitsOrAllBeforeThePoint) {
  EXPECT_EQ(figure(0.02834), "0.0283");
  EXPECT_EQ(figure(1.2), "1.2");
  EXPECT_EQ(figure(99.96), "100");
  EXPECT_EQ(figure(48213.4), "48213");
  EXPECT_EQ(figure(std::optional<double>()), "never");
  EXPECT_EQ(figure(Range(2, 4)), "2 - 4");
  EXPECT_EQ(figure(Range(2)), "2");
}

TEST(Comparison, HasEveryAttentionAndEveryApi) {
  const Comparison got = compare(default_settings(), speeds());
  ASSERT_EQ(got.own.size(), 2U);
  ASSERT_EQ(got.apis.size(), default_settings().prices.size());
  for (const ApiCost& api : got.apis) EXPECT_EQ(api.break_even.size(), 2U);
}

TEST(Comparison, LiesBetweenItsCorners) {
  for (const OwnCost& cost : compare(default_settings(), speeds()).own) {
    EXPECT_LT(cost.own.cheap.yearly.total(), cost.own.middle.yearly.total());
    EXPECT_LT(cost.own.middle.yearly.total(), cost.own.dear.yearly.total());
    EXPECT_LT(cost.own.cheap.service.ttft_s, cost.own.dear.service.ttft_s);
  }
}

TEST(Comparison, NeverHidesTheStaff) {
  Settings settings = default_settings();
  settings.site.setup_hours = 0;
  settings.site.staff_hours_month = {3, 7};
  settings.site.staff_usd_hour = 100;
  const std::string text = to_text(compare(settings, speeds()));
  EXPECT_NE(text.find("3 - 7 hours a month and 0 once, $ 100 an hour: $ 3600 - 8400 a year"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("staff         6000 [3600 - 8400]"), std::string::npos) << text;
}

TEST(Comparison, SaysWhatAnUnknownPriceOfAHitIsTakenFor) {
  EXPECT_NE(to_text(compare(default_settings(), speeds())).find("as a miss"), std::string::npos);
}

TEST(Comparison, AsJsonHasNullForNever) {
  Settings settings = default_settings();
  settings.prices = {{.name = "free", .date = "", .hit = 0, .miss = 0, .output = 0}};
  settings.site.api_staff_hours_month = 0;
  const auto json = to_json(compare(settings, speeds()));
  EXPECT_TRUE(json["apis"][0]["break_even_requests_a_day"]["sparse"]["cheap"].is_null());
  EXPECT_EQ(json["settings"]["workload"]["prompt_tokens"], 4000);
  EXPECT_EQ(json["settings"]["site"]["electricity_usd_kwh"], (nlohmann::ordered_json{0.1, 0.3}));
  EXPECT_EQ(json["own"]["dense"]["middle"]["usd_three_years"],
            3 * json["own"]["dense"]["middle"]["usd_a_year"]["total"].get<double>());
}

}  // namespace
}  // namespace dsa::cost
