#include "cost/settings.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "base/error.h"
#include "cost/prices.h"
#include "cost/settings_toml.h"

namespace dsa::cost {
namespace {

Settings read(std::string_view text) {
  Settings settings = default_settings();
  read_settings_text(settings, text, "cost.toml");
  return settings;
}

std::string complaint(std::string_view text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(CostSettings, AreReadOverTheDefaults) {
  const Settings got =
      read("[workload]\nprompt_tokens = 100\n[machine]\nname = \"mine\"\npower_w = [10, 20.5]\n");
  EXPECT_EQ(got.workload.prompt_tokens, Range(100));
  EXPECT_EQ(got.machine.name, "mine");
  EXPECT_EQ(got.machine.power_w, Range(10, 20.5));
  EXPECT_EQ(got.workload.answer_tokens, default_settings().workload.answer_tokens);
  EXPECT_EQ(got.prices, default_settings().prices);
}

TEST(CostSettings, ArePrintedAsAFileThatGivesThemAgain) {
  Settings settings = read("[machine]\nname = \"a \\\"quoted\\\" \\n name\"\npower_w = [0.1, 1e9]\n");
  settings.prices = {{.name = "x", .date = "", .hit = {}, .miss = 1.25, .output = 0}};
  const std::string printed = settings_as_toml(settings);
  Settings again = read(printed);
  EXPECT_EQ(settings_as_toml(again), printed);
  EXPECT_EQ(again.machine.name, settings.machine.name);
  EXPECT_EQ(again.prices, settings.prices);
}

TEST(CostSettings, HaveEachKeyOnceAndAllDefaultsWithinTheirLimits) {
  Settings settings = default_settings();
  std::set<std::tuple<std::string_view, std::string_view>> seen;
  for (const Setting& setting : list_settings(settings)) {
    EXPECT_TRUE(seen.emplace(setting.table, setting.key).second) << setting.key;
    if (Range* const* range = std::get_if<Range*>(&setting.value)) {
      EXPECT_LE(setting.min, (*range)->low) << setting.key;
      EXPECT_LE((*range)->low, (*range)->high) << setting.key;
      EXPECT_LE((*range)->high, setting.max) << setting.key;
    }
  }
}

TEST(CostSettings, AtACornerAreTheEndsThatMakeItCheapOrDear) {
  Settings settings = read("[machine]\npower_w = [10, 20]\nlifetime_years = [2, 6]\n");
  EXPECT_EQ(at(settings, Corner::cheap).machine.power_w, Range(10));
  EXPECT_EQ(at(settings, Corner::dear).machine.power_w, Range(20));
  EXPECT_EQ(at(settings, Corner::cheap).machine.lifetime_years, Range(6));
  EXPECT_EQ(at(settings, Corner::dear).machine.lifetime_years, Range(2));
  EXPECT_EQ(at(settings, Corner::middle).machine.lifetime_years, Range(4));
}

TEST(CostSettings, ReplaceAPriceOfAKnownNameAndAddOthers) {
  const Settings got = read(
      "[[price]]\nname = \"GPT-5 nano\"\nmiss = 1\noutput = 2\n"
      "[[price]]\nname = \"new\"\nhit = 0\nmiss = 3\noutput = 4\n");
  EXPECT_EQ(got.prices.size(), announcement_prices().size() + 1);
  EXPECT_EQ(got.prices[2], (Price{.name = "GPT-5 nano", .date = "", .hit = {}, .miss = 1, .output = 2}));
  EXPECT_EQ(got.prices.back(), (Price{.name = "new", .date = "", .hit = 0, .miss = 3, .output = 4}));
  EXPECT_EQ(read("announcement_prices = false\n").prices.size(), 0U);
}

TEST(CostSettings, ThatAreWrongAreNamedWithTheirLine) {
  EXPECT_EQ(complaint("[machine]\npower_w = \"hot\"\n"),
            "cost.toml:2: machine.power_w: expected a number or [low, high] from 0 to 1000000000");
  EXPECT_EQ(complaint("[machine]\n\npower_w = -1\n"),
            "cost.toml:3: machine.power_w: expected a number or [low, high] from 0 to 1000000000, got -1");
  EXPECT_EQ(complaint("[machine]\npower_w = [3, 2]\n"),
            "cost.toml:2: machine.power_w: [3, 2]: the lower end stands first");
  EXPECT_EQ(complaint("[machine]\npower_w = [1, 2, 3]\n"),
            "cost.toml:2: machine.power_w: expected a number or [low, high], got a list of 3");
  EXPECT_EQ(complaint("[workload]\nprompt_tokens = 1.5\n"),
            "cost.toml:2: workload.prompt_tokens: expected a whole number, got 1.5");
  EXPECT_EQ(complaint("[workload]\nttft_s = [1, 2]\n"),
            "cost.toml:2: workload.ttft_s: expected a number, got a list of 2");
}

TEST(CostSettings, ThatThereAreNotAreRefused) {
  EXPECT_NE(complaint("[machine]\npower = 1\n").find("cost.toml:2: [machine] has no key \"power\""),
            std::string::npos);
  EXPECT_NE(complaint("[mashine]\n").find("there is no table \"mashine\""), std::string::npos);
  EXPECT_NE(complaint("x = 1\n").find("there is no table \"x\""), std::string::npos);
  EXPECT_EQ(complaint("machine = 1\n"), "cost.toml:1: machine: expected a table, [machine]");
  EXPECT_NE(complaint("[[price]]\nname = \"a\"\nmiss = 1\n").find("a price needs a name, miss and output"),
            std::string::npos);
  EXPECT_NE(complaint("[[price]]\nprice = 1\n").find("price.price: there is no such key"), std::string::npos);
  EXPECT_NE(complaint("price = 3\n").find("expected a list of tables, [[price]]"), std::string::npos);
  EXPECT_NE(complaint("announcement_prices = 1\n").find("expected true or false"), std::string::npos);
}

TEST(CostSettings, OfHostileFilesAreRefused) {
  for (const char* text :
       {"[machine]\npower_w = nan\n", "[machine]\npower_w = inf\n", "[machine]\npower_w = 1e400\n",
        "[machine]\npower_w = 99999999999999999999\n", "[machine]\npower_w = [[1], [2]]\n",
        "[machine]\npower_w = 1\npower_w = 2\n", "[machine", "\xff\xfe", "[machine]\nname = 1\n",
        "[[price]]\nname = \"a\"\nmiss = nan\noutput = 1\n", "[machine]\npower_w = 2020-01-01\n"})
    EXPECT_TRUE(complaint(text).starts_with("cost.toml:")) << text << ": " << complaint(text);
  EXPECT_NE(complaint("a = " + std::string(10'000, '[')), "");
  EXPECT_NE(complaint(std::string((1 << 20) + 1, ' ')).find("longer than 1 MiB"), std::string::npos);
}

TEST(CostSettings, ThatFailHalfwayChangeNothing) {
  Settings settings = default_settings();
  EXPECT_THROW(read_settings_text(settings, "[machine]\nname = \"x\"\nzzz = 1\n", "cost.toml"), Error);
  EXPECT_EQ(settings.machine.name, default_settings().machine.name);
}

// 1,000 requests of 4,000 prompt tokens, a half hits, and 500 answered: 2 M hits, 2 M misses, 0.5 M output.
TEST(Prices, MakeTheBillThatTheirTableSays) {
  Workload w;
  w.prompt_tokens = 4000;
  w.answer_tokens = 500;
  w.hit_ratio = 0.5;
  EXPECT_DOUBLE_EQ(bill(announcement_prices()[0], w, 1000), 2 * 0.028 + 2 * 0.28 + 0.5 * 0.42);
  EXPECT_DOUBLE_EQ(bill({.name = "", .date = "", .hit = {}, .miss = 0.1, .output = 0.4}, w, 1000),
                   4 * 0.1 + 0.5 * 0.4);
}

}  // namespace
}  // namespace dsa::cost
