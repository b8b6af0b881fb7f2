#include "cost/report.h"

#include <gtest/gtest.h>

#include "cost/settings_toml.h"

namespace dsa::cost {
namespace {

Speeds slowing_speeds() {
  Speeds out{.source = "by hand", .kinds = {}};
  for (const char* attention : {"dense", "sparse"})
    out.kinds.push_back({.attention = attention,
                         .prefill = {{.position = 0, .fast_s = 0.001, .middle_s = 0.001, .slow_s = 0.001},
                                     {.position = 9000, .fast_s = 0.002, .middle_s = 0.002, .slow_s = 0.002}},
                         .decode = {{.position = 0, .fast_s = 0.01, .middle_s = 0.01, .slow_s = 0.01},
                                    {.position = 9000, .fast_s = 0.02, .middle_s = 0.02, .slow_s = 0.02}}});
  return out;
}

std::string report(const Settings& settings) {
  return report_html(compare(settings, slowing_speeds()), slowing_speeds());
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(CostReport, NamesEveryAssumptionByItsKey) {
  Settings settings = default_settings();
  const std::string html = report(settings);
  for (const Setting& setting : list_settings(settings))
    EXPECT_NE(html.find(">" + std::string(setting.table) + "." + std::string(setting.key) + "<"),
              std::string::npos)
        << setting.key;
}

TEST(CostReport, HasItsPlotsAndEverySideOfTheDecision) {
  const std::string html = report(default_settings());
  EXPECT_EQ(count(html, "<svg"), 4U);  // a year by volume, dense and sparse; a token read, and written
  for (const char* side : {"Cost, own, sparse", "Latency, own, dense", "Where the data lies", "Control",
                           "Vendor change", "Effort", "Claude Haiku 3.5", "staff included"})
    EXPECT_NE(html.find(side), std::string::npos) << side;
}

TEST(CostReport, NeedsNothingElse) {
  const std::string html = report(default_settings());
  for (const char* outside : {"<script", "https:", "<link", "<img", "url(", "@import"})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
  EXPECT_EQ(count(html, "http:"), count(html, "xmlns=\"http://www.w3.org/2000/svg\""));
}

TEST(CostReport, ShowsHostileNamesAsText) {
  Settings settings = default_settings();
  settings.machine.name = "<script>alert(1)</script>";
  settings.prices = {{.name = "<b>&\"", .date = "<i>", .hit = {}, .miss = 1, .output = 1}};
  settings.decision.control = "<img src=x>";
  const std::string html = report(settings);
  for (const char* raw : {"<script", "<b>", "<i>", "<img"})
    EXPECT_EQ(html.find(raw), std::string::npos) << raw;
  EXPECT_NE(html.find("&lt;script&gt;alert(1)"), std::string::npos);
}

}  // namespace
}  // namespace dsa::cost
