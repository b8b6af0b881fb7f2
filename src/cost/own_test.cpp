#include "cost/own.h"

#include <gtest/gtest.h>

#include "cost/prices.h"

namespace dsa::cost {
namespace {

// A token is read in 1 ms and written in 10 ms, wherever it stands.
SpeedAt level_speed() {
  return {.prefill = Curve({{.position = 0, .seconds = 0.001}}),
          .decode = Curve({{.position = 0, .seconds = 0.01}}),
          .batching = {{1, 1}}};
}

// 500 of 1,000 tokens are read and 100 written: 0.5 + 1 s of the machine.
Settings settings() {
  Settings s;
  s.workload = {.prompt_tokens = 1000,
                .answer_tokens = 100,
                .hit_ratio = 0.5,
                .requests_a_day = 3600,
                .hours_a_day = 10,
                .days_a_year = 100,
                .ttft_s = 2,
                .tpot_ms = 30};
  s.machine.price_usd = 3650;
  s.machine.lifetime_years = 5;
  s.machine.power_w = 200;
  s.machine.idle_power_w = 100;
  s.site = {.electricity_usd_kwh = 0.2,
            .power_overhead = 1.25,
            .hosting_usd_month = 10,
            .setup_hours = 30,
            .staff_hours_month = 2,
            .staff_usd_hour = 50,
            .api_staff_hours_month = 1,
            .largest_load = 0.8,
            .hit_share = 0};
  return s;
}
const Price kDearApi{.name = "api", .date = "", .hit = 0.5, .miss = 1, .output = 10};

TEST(Service, OfALevelSpeedIsWhatAHandComputes) {
  const Service got = serve(settings(), level_speed());
  EXPECT_DOUBLE_EQ(got.ttft_s, 0.5);
  EXPECT_DOUBLE_EQ(got.tpot_ms, 10);
  EXPECT_DOUBLE_EQ(got.request_s, 1.5);
  EXPECT_TRUE(got.meets_target);
  // 1.5 s may be waited, of which a load of 2/3 takes (2/3) / (1/3) * 1.5 / 2.
  EXPECT_DOUBLE_EQ(got.load, 2.0 / 3);
  EXPECT_DOUBLE_EQ(got.requests_a_day, 10 * 3600 * 0.8 / 1.5);
  EXPECT_DOUBLE_EQ(got.tokens_a_day, 16000.0 * 1100);
}

TEST(Service, TakesTheTimeOfAHitIntoAccount) {
  Settings s = settings();
  s.site.hit_share = 0.1;
  const Service got = serve(s, level_speed());
  EXPECT_DOUBLE_EQ(got.seconds.hit, 0.0001);
  EXPECT_DOUBLE_EQ(got.ttft_s, 0.55);
}

TEST(Service, ReadsAtThePositionsThatTheCacheLeaves) {
  SpeedAt speed = level_speed();
  speed.prefill = Curve({{.position = 0, .seconds = 0}, {.position = 1000, .seconds = 0.001}});
  speed.decode = Curve({{.position = 1000, .seconds = 0.01}, {.position = 1100, .seconds = 0.03}});
  const Service got = serve(settings(), speed);
  EXPECT_DOUBLE_EQ(got.seconds.miss, 0.00075);
  EXPECT_DOUBLE_EQ(got.seconds.output, 0.02);
}

TEST(Service, AnswersAsManyAtOnceAsTheTargetAllows) {
  SpeedAt speed = level_speed();
  speed.batching = {{1, 1}, {4, 2}, {8, 3}};  // 10, 20, 26.7 ms a token
  Settings s = settings();
  const auto clients = [&](double tpot_ms) {
    s.workload.tpot_ms = tpot_ms;
    return serve(s, speed).clients;
  };
  EXPECT_EQ(clients(30), 8);
  EXPECT_EQ(clients(25), 4);
  EXPECT_EQ(clients(15), 1);
  EXPECT_DOUBLE_EQ(serve(settings(), speed).seconds.output, 0.01 / 3);
}

TEST(Service, OutOfReachIsSaidAndServesNoTokensWithinTheTarget) {
  Settings slow = settings();
  slow.workload.tpot_ms = 9;
  EXPECT_FALSE(serve(slow, level_speed()).meets_target);
  EXPECT_EQ(serve(slow, level_speed()).tokens_a_day, 0);
  Settings late = settings();
  late.workload.ttft_s = 0.4;
  EXPECT_FALSE(serve(late, level_speed()).meets_target);
  EXPECT_EQ(serve(late, level_speed()).tokens_a_day, 0);
}

TEST(Own, AYearCostsWhatAHandComputes) {
  const Own got = own(settings(), level_speed());
  EXPECT_EQ(got.machines, 1);
  EXPECT_DOUBLE_EQ(got.yearly.machines, 730);
  // 8,760 h of 100 W and 150 h of 100 W more, times 1.25, at $ 0.2 a kWh.
  EXPECT_DOUBLE_EQ(got.yearly.electricity, 219 + 3.75);
  EXPECT_DOUBLE_EQ(got.yearly.hosting, 120);
  EXPECT_DOUBLE_EQ(got.yearly.staff, (24 + 10) * 50);
  EXPECT_DOUBLE_EQ(got.yearly.total(), 2772.75);
}

TEST(Own, ARentedMachineIsPaidInHoursOfUse) {
  Settings s = settings();
  s.machine.price_usd = 0;
  s.machine.rent_usd_hour = 2;
  EXPECT_DOUBLE_EQ(own(s, level_speed()).yearly.machines, 2 * 10 * 100);
}

TEST(Own, TheYearIsSpreadOverItsTokens) {
  const Own got = own(settings(), level_speed());
  EXPECT_DOUBLE_EQ(got.per_million.miss, 2772.75 / 540);
  EXPECT_DOUBLE_EQ(got.per_million.output, 10 * 2772.75 / 540);
  EXPECT_EQ(got.per_million.hit, 0);
  // 180 M tokens are read and 36 M written a year.
  EXPECT_DOUBLE_EQ(180 * got.per_million.miss + 36 * got.per_million.output, got.yearly.total());
  EXPECT_LT(got.per_million_full.output, got.per_million.output);
}

TEST(Own, MoreRequestsThanAMachineServesTakeMoreMachines) {
  Settings s = settings();
  s.workload.requests_a_day = 19200;
  EXPECT_EQ(own(s, level_speed()).machines, 1);
  s.workload.requests_a_day = 19201;
  EXPECT_EQ(own(s, level_speed()).machines, 2);
  EXPECT_DOUBLE_EQ(own(s, level_speed()).yearly.hosting, 240);
  EXPECT_DOUBLE_EQ(own(s, level_speed()).yearly.staff, 1700);
}

// A request costs 1,750 $ / 1e6 at the API.
TEST(BreakEven, IsWhereBothCostTheSame) {
  const Service service = serve(settings(), level_speed());
  const auto requests = break_even(settings(), service, kDearApi);
  ASSERT_TRUE(requests);
  const double saved = 100 * (0.00175 - 1.5 / 3600 * 100 * 0.00025);
  EXPECT_DOUBLE_EQ(*requests, (1700 - 600 + 730 + 219 + 120) / saved);
  EXPECT_NEAR(yearly(settings(), service.request_s, *requests, 1).total(),
              api_yearly(settings(), kDearApi, *requests), 1e-6);
}

TEST(BreakEven, CountsTheMachinesThatItTakes) {
  Settings s = settings();
  s.workload.hours_a_day =
      5;  // a machine serves 8,000 and saves 322 $ a year beyond its own cost: 4 pay the staff
  const Service service = serve(s, level_speed());
  const auto requests = break_even(s, service, kDearApi);
  ASSERT_TRUE(requests);
  EXPECT_GT(*requests, service.requests_a_day);
  EXPECT_LE(*requests, 2 * service.requests_a_day);
  EXPECT_NEAR(yearly(s, service.request_s, *requests, 2).total(), api_yearly(s, kDearApi, *requests), 1e-6);
}

TEST(BreakEven, IsNeverWhereAFullMachineSavesLessThanItCosts) {
  const Service service = serve(settings(), level_speed());
  EXPECT_FALSE(
      break_even(settings(), service, {.name = "", .date = "", .hit = 0, .miss = 0.01, .output = 0.01}));
  Settings dear = settings();
  dear.machine.price_usd = 1e6;
  EXPECT_FALSE(break_even(dear, service, kDearApi));
}

TEST(BreakEven, IsAtOnceWhereAnApiTakesMoreStaffThanAMachine) {
  Settings s = settings();
  s.site.api_staff_hours_month = 100;
  EXPECT_EQ(break_even(s, serve(s, level_speed()), kDearApi), 0);
}

// Each setting alone, moved to its dear end.
TEST(Own, NoSettingMakesItCheaperAtItsDearEnd) {
  Settings middle = at(default_settings(), Corner::middle);
  const Own base = own(middle, level_speed());
  const auto base_even = break_even(middle, base.service, kDearApi);
  for (std::size_t i = 0; i < list_settings(middle).size(); ++i) {
    Settings moved = middle;
    const Setting setting = list_settings(moved)[i];
    Range* const* range = std::get_if<Range*>(&setting.value);
    if (range == nullptr || setting.cheap == Cheap::is_one_figure) continue;
    const double value = (*range)->value();
    **range = setting.cheap == Cheap::low ? std::min(setting.max, 1.5 * value + 0.01)
                                          : std::max(setting.min, value / 1.5);
    const Own got = own(moved, level_speed());
    EXPECT_GE(got.yearly.total(), base.yearly.total()) << setting.key;
    const auto even = break_even(moved, got.service, kDearApi);
    if (base_even && even) {
      EXPECT_GE(*even, *base_even) << setting.key;
    }
  }
}

TEST(Own, NoSlowerMachineIsCheaper) {
  const Settings s = at(default_settings(), Corner::middle);
  double before = 0;
  for (const double seconds : {0.0001, 0.0004, 0.001, 0.01, 0.1}) {
    SpeedAt speed = level_speed();
    speed.prefill = Curve({{.position = 0, .seconds = seconds}});
    const double now = own(s, speed).yearly.total();
    EXPECT_GE(now, before) << seconds;
    before = now;
  }
}

}  // namespace
}  // namespace dsa::cost
