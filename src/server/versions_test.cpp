// Another model behind a path, until a day; and lines of a system prompt that are set aside.
#include "server/versions.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/errors.h"
#include "server/volatile_lines.h"

namespace dsa::server {
namespace {

using nlohmann::json;

std::string no_versions(const json& table) {
  try {
    (void)read_versions(table, "new", "serve.toml");
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

TEST(Versions, AreReadAndWhatIsWrongIsNamed) {
  const auto versions =
      read_versions({{"old_expires_on_20261015", {{"model", "old"}}},
                     {"v2", {{"model", "x:dense"}, {"expires", "2027-01-01"}, {"successor", "x"}}}},
                    "new", "serve.toml");
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions[0].successor, "new");
  EXPECT_EQ(versions[0].ends, std::chrono::sys_days(std::chrono::year(2026) / 10 / 16));
  EXPECT_EQ(versions[1].model, "x:dense");
  for (const json& wrong :
       {json{{"v1", {{"model", "m"}, {"expires", "2027-01-01"}}}},
        json{{"a/b", {{"model", "m"}, {"expires", "2027-01-01"}}}}, json{{"old", {{"model", "m"}}}},
        json{{"old", {{"model", "m"}, {"expires", "soon"}}}}, json{{"old", {{"expires", "2027-01-01"}}}},
        json{{"old", {{"model", "m"}, {"expires", "2027-01-01"}, {"until", "x"}}}},
        json{{"old_expires_on_20261015", {{"model", "m"}, {"expires", "2027-01-01"}}}}, json{{"old", 5}},
        json::array()})
    EXPECT_TRUE(no_versions(wrong).starts_with("serve.toml: versions")) << wrong << no_versions(wrong);
}

TEST(Versions, APathIsItsModelsUntilTheDayIsOver) {
  const auto versions = read_versions({{"old_expires_on_20261015", {{"model", "old"}}}}, "new", "serve.toml");
  const auto day = std::chrono::sys_days(std::chrono::year(2026) / 10 / 15);
  const auto taken = [&](const std::string& target, std::chrono::sys_seconds now) {
    HttpRequest request{.method = "POST", .target = target};
    HttpHeaders headers;
    try {
      take_version(versions, now, request, headers);
    } catch (const ApiError& error) {
      return fmt::format("{} {}", error.status(), error.what());
    }
    return fmt::format("{} {} {}", request.model, request.target,
                       headers.empty() ? "" : headers.front().second);
  };
  const std::string path = "/old_expires_on_20261015/v1/chat/completions?a=1";
  EXPECT_EQ(taken(path, day + std::chrono::hours(23)),
            "old /v1/chat/completions?a=1 Fri, 16 Oct 2026 00:00:00 GMT");
  EXPECT_EQ(taken("/old_expires_on_20261015/anthropic/v1/messages", day),
            "old /anthropic/v1/messages Fri, 16 Oct 2026 00:00:00 GMT");
  EXPECT_EQ(taken(path, day + std::chrono::hours(24)),
            "410 /old_expires_on_20261015 ended on 2026-10-15: ask new without it");
  for (const char* other :
       {"/v1/models", "/old_expires_on_20261015", "/old_expires_on_202610150/v1/models", "/", ""})
    EXPECT_EQ(taken(other, day), fmt::format(" {} ", other));
}

TEST(VolatileLines, AreDroppedOrMovedBehindAllOthers) {
  const auto lines = read_volatile_lines(
      json::array({{{"begins", "x-bill:"}, {"do", "drop"}}, {{"begins", "Today's date"}, {"do", "move"}}}),
      "f");
  const auto aside = [&](std::string_view prompt, std::span<const VolatileLine> which) {
    SetAside done;
    const std::string text = set_aside(prompt, which, done);
    return text + "|" + done.dropped + "|" + done.moved;
  };
  EXPECT_EQ(aside("x-bill: 1\nYou\nToday's date: 5\nx-bill: 2\nhelp.\n", lines),
            "You\nhelp.\nToday's date: 5|x-bill|Today's date");
  EXPECT_EQ(aside("Today's date: 5", lines), "Today's date: 5||Today's date");
  EXPECT_EQ(aside("You x-bill: 1\nhelp.\n", lines), "You x-bill: 1\nhelp.\n||");
  EXPECT_EQ(aside("", lines), "||");
  EXPECT_EQ(aside("x-anthropic-billing-header: a\nYou", known_volatile_lines()),
            "You|x-anthropic-billing-header|");
  for (const json& wrong :
       {json(5), json::array({5}), json::array({{{"begins", ""}, {"do", "drop"}}}),
        json::array({{{"begins", "a"}, {"do", "keep"}}}), json::array({{{"begins", "a\n"}, {"do", "drop"}}}),
        json::array({{{"begins", "a"}, {"do", "drop"}, {"x", 1}}})})
    EXPECT_THROW(read_volatile_lines(wrong, "f"), Error) << wrong;
}

}  // namespace
}  // namespace dsa::server
