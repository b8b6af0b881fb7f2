// What a response was answered to, through the routes; and that the description has every one of them.
#include "server/response_items.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "testing/api_client.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;

struct ItemsTest : ::testing::Test {
  json get(const std::string& path, int status = 200) {
    const test::Got got = test::Client(api, {.method = "GET", .target = path}).all();
    EXPECT_EQ(got.head.status, status) << path << ": " << got.head.body;
    return got.body();
  }
  json respond(const json& body) {
    const test::Got got =
        test::Client(api, {.method = "POST", .target = "/v1/responses", .body = body.dump()}).all();
    EXPECT_EQ(got.head.status, 200) << got.head.body;
    return got.body();
  }

  test::ScriptedModel model{{.answers = {{.text = "Hello!"}}}};
  ModelPool pool{std::span(&model.served, 1)};
  Api api{pool, {}};
};

TEST_F(ItemsTest, WhatAResponseWasAnsweredToIsListedPageByPage) {
  const std::string input =
      R"([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"type": "reasoning"},
          {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
          {"type": "function_call_output", "call_id": "1", "output": "x", "id": "fco_mine"}])";
  const json first = respond({{"input", json::parse(input)}});
  const std::string path = "/v1/responses/" + first.at("id").get<std::string>() + "/input_items";
  const json all = get(path + "?order=asc");
  EXPECT_EQ(all.at("object"), "list");
  EXPECT_EQ(all.at("has_more"), false);
  const json& items = all.at("data");
  ASSERT_EQ(items.size(), 5U);
  EXPECT_EQ(items[0].at("content"), json::parse(R"([{"type": "input_text", "text": "one"}])"));
  EXPECT_EQ(items[1].at("content"), json::parse(R"([{"type": "output_text", "text": "two"}])"));
  EXPECT_EQ(items[3].at("name"), "f");
  EXPECT_EQ(items[4].at("id"), "fco_mine");
  EXPECT_EQ(get(path + "?order=asc"), all) << "ids stay";
  // The last first, two at a time.
  std::vector<json> paged;
  std::string after;
  for (bool more = true; more;) {
    const json page = get(path + "?limit=2" + (after.empty() ? "" : "&after=" + after));
    for (const json& item : page.at("data")) paged.push_back(item);
    EXPECT_EQ(page.at("first_id"), page.at("data").front().at("id"));
    after = page.at("last_id");
    more = page.at("has_more");
    ASSERT_LE(paged.size(), 5U);
  }
  ASSERT_EQ(paged.size(), 5U);
  for (std::size_t i = 0; i < paged.size(); ++i) EXPECT_EQ(paged[i], items[4 - i]) << i;
  const json behind = get(path + "?after=" + after);
  EXPECT_TRUE(behind.at("data").empty());
  EXPECT_TRUE(behind.at("last_id").is_null());
  // One that went on from it was answered to all of this, its answer, and what is new.
  const json second = respond({{"input", "and?"}, {"previous_response_id", first.at("id")}});
  const json longer =
      get("/responses/" + second.at("id").get<std::string>() + "/input_items?order=asc").at("data");
  ASSERT_EQ(longer.size(), 7U);
  EXPECT_EQ(longer[0], items[0]);
  EXPECT_EQ(longer[5], first.at("output").at(0));
  EXPECT_EQ(longer[6].at("content").at(0).at("text"), "and?");
  // They can be sent again.
  respond({{"input", longer}});
  for (const char* wrong : {"?limit=0", "?limit=101", "?limit=x", "?order=up", "?after=nobody"})
    get(path + wrong, 400);
  get("/v1/responses/resp_nobody/input_items", 404);
  // They can be read, not dropped apart from their response.
  const test::Got dropped = test::Client(api, {.method = "DELETE", .target = path}).all();
  EXPECT_EQ(dropped.head.status, 405) << dropped.head.body;
  get(path);
}

// Whatever is served is described, and what is described is served.
TEST_F(ItemsTest, TheDescriptionHasEveryRouteAndNoOther) {
  const json paths = get("/openapi.json").at("paths");
  std::set<std::string> described, served;
  for (const auto& [path, operations] : paths.items())
    for (const auto& [method, operation] : operations.items()) {
      std::string name = path.starts_with("/v1/") ? path.substr(3) : path;
      if (const auto open = name.find('{'); open != std::string::npos) {
        const std::string rest = name.substr(name.find('}') + 1);
        name = name.substr(0, open) + (rest.empty() ? "" : "*" + rest);
      }
      described.insert(fmt::format("{} {}", method, name));
      EXPECT_EQ(path.find('{') != std::string::npos,
                operation.contains("parameters") && path != "/admin/usage")
          << path;
    }
  for (const RouteInfo& route : Api::table()) {
    if (route.path == "/" || route.path == "/page/") continue;  // files for browsers
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c - 'A' + 'a');
    served.insert(fmt::format("{} {}", method, route.path));
  }
  EXPECT_EQ(described, served);
}

}  // namespace
}  // namespace dsa::server
