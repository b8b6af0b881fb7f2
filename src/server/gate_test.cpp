// Keys, limits and bills as clients of the API see them.
#include "server/gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "base/json.h"
#include "server/routes.h"
#include "testing/api_client.h"
#include "testing/ledger_case.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using test::Client;
using test::Got;
using test::ScriptedModel;

/// Remembers whose requests came.
class ListeningEngine final : public Engine {
 public:
  explicit ListeningEngine(Engine& engine) : engine_(engine) {}
  Handle submit(Request request, EventSink sink) override {
    tenants.insert(request.tenant);
    return engine_.submit(std::move(request), std::move(sink));
  }
  EngineStatus status() const override { return engine_.status(); }
  void drain(std::chrono::milliseconds wait) override { engine_.drain(wait); }

  std::set<std::string> tenants;

 private:
  Engine& engine_;
};

// A millionth for a token that was read, two for one that was written.
accounts::PriceBook prices() {
  return {parse_json(R"({"*": {"hit": 0, "miss": 1, "output": 2}})", "test"), "prices"};
}

struct GateTest : ::testing::Test {
  GateTest() {
    ledger.serve(accounts::now());
    user = accounts::add_key(ledger, "0000000a", {}, 0, "anna");
    admin = accounts::add_key(ledger, "0000000b", {}, 0, "root", accounts::Role::admin);
  }
  ~GateTest() override { api.reset(); }
  Got ask(const std::string& key, HttpRequest request) {
    if (!key.empty()) request.headers.emplace_back("Authorization", "Bearer " + key);
    return Client(api, std::move(request)).all();
  }
  Got get(const std::string& key, const std::string& path) {
    return ask(key, {.method = "GET", .target = path});
  }
  Got chat(const std::string& key, const std::string& text, const std::string& more = "") {
    return ask(key, chat_request(text, more));
  }
  static HttpRequest chat_request(const std::string& text, const std::string& more = "") {
    return {.method = "POST",
            .target = "/v1/chat/completions",
            .body = R"({"messages": [{"role": "user", "content": ")" + text + "\"}]" + more + "}"};
  }
  std::string limited(accounts::KeyLimits limits, accounts::Money deposit = 0) {
    return accounts::add_key(ledger, fmt::format("{:08x}", next_key_++), std::move(limits), deposit,
                             "limited");
  }
  // The last row of the ledger.
  accounts::AuditRow last_row() {
    gate.flush(10s);
    const auto rows = ledger.audit({});
    const auto found =
        std::ranges::find_if(rows.rbegin(), rows.rend(), [](const auto& row) { return !row.model.empty(); });
    return found == rows.rend() ? accounts::AuditRow{} : *found;
  }
  void wait_until_idle() {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (api->running() > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
    EXPECT_EQ(api->running(), 0U);
  }
  static std::string header(const Got& got, std::string_view name) {
    for (const auto& [key, value] : got.head.headers)
      if (key == name) return value;
    return "";
  }

  accounts::LedgerFile file;
  accounts::SqliteAccounts ledger{file.path()};
  accounts::FailingAccounts failing{ledger};
  std::string user, admin;
  Gate gate{failing, prices(), /*share_cache=*/false};
  ScriptedModel model{{.answers = {{.when = "slow", .text = "w", .repeat = 1000, .token_ms = 10},
                                   {.when = "fails", .text = "so far", .error = "the scripted fault"},
                                   {.when = "long", .text = "x", .repeat = 2000},
                                   {.text = "Hello!"}}}};
  ListeningEngine engine{model.engine};
  ServedModel served{.id = "script",
                     .engine = engine,
                     .tokenizer = model.tokenizer,
                     .prompt = model.prompt,
                     .context = model.served.context,
                     .vocab_size = model.served.vocab_size};
  ModelPool pool{std::span(&served, 1)};
  struct Served {
    Api& operator*() { return *api; }
    Api* operator->() { return api.get(); }
    operator Api&() { return *api; }
    void reset() { api.reset(); }
    std::unique_ptr<Api> api;
  } api{std::make_unique<Api>(pool, ApiSettings{.gate = &gate})};

 private:
  unsigned next_key_ = 0x100;
};

TEST_F(GateTest, EveryRouteIsClosedButThoseThatAreListedHere) {
  const std::set<std::string_view> open{"/health", "/ready", "/openapi.json", "/", "/page/"};
  const std::set<std::string_view> admins{"/metrics", "/admin/usage", "/admin/models", "/admin/keys"};
  EXPECT_GE(Api::table().size(), 18U);
  for (const RouteInfo& route : Api::table())
    for (const std::string before : {"", "/v1", "/beta", "/anthropic", "http://localhost"}) {
      const std::string path =
          before + std::string(route.path) + (route.path.size() > 1 && route.path.ends_with('/') ? "x" : "");
      const auto status = [&](const std::string& key) {
        return ask(key, {.method = std::string(route.method), .target = path, .body = "{}"}).head.status;
      };
      if (open.contains(route.path)) {
        EXPECT_NE(status(""), 401) << path;
        continue;
      }
      EXPECT_EQ(status(""), 401) << path;
      EXPECT_EQ(status(user.substr(0, user.size() - 1) + "2"), 401) << path;
      EXPECT_EQ(status(user) == 403, admins.contains(route.path)) << path;
      const int admitted = status(admin);
      EXPECT_TRUE(admitted != 401 && admitted != 403) << path;
    }
  EXPECT_EQ(ask("", {.method = "HEAD", .target = "/v1/models"}).head.status, 401);
  EXPECT_EQ(ask("", {.method = "OPTIONS", .target = "/v1/models"}).head.status, 204);
}

TEST_F(GateTest, WhatIsNoValidKeyOpensNothingAndIsNotSaidBack) {
  const auto status = [&](HttpHeaders headers) {
    const Got got = ask("", {.method = "GET", .target = "/v1/models", .headers = std::move(headers)});
    EXPECT_EQ(got.head.body.find("1111"), std::string::npos) << got.head.body;
    return got.head.status;
  };
  EXPECT_EQ(status({{"Authorization", "Bearer " + user}}), 200);
  EXPECT_EQ(status({{"authorization", "bearer " + user}}), 200);
  EXPECT_EQ(status({{"x-api-key", user}}), 200);
  EXPECT_EQ(status({{"x-api-key", user}, {"Authorization", "Bearer " + user}}), 200);
  EXPECT_EQ(status({{"x-api-key", admin}, {"Authorization", "Bearer " + user}}), 401);
  EXPECT_EQ(status({{"Authorization", "Bearer " + user}, {"Authorization", "Bearer " + admin}}), 401);
  for (const std::string& value :
       {std::string(), std::string("Bearer"), std::string("Bearer "), user, "Basic " + user,
        "Bearer Bearer " + user, "Bearer  " + user, "Bearer " + user + " ", "Bearer " + user.substr(1),
        "Bearer dsa-ffffffff-" + std::string(64, '1'), "Bearer " + std::string(30'000, '1'),
        "Bearer " + user.substr(0, 20) + std::string(1, '\0') + user.substr(21),
        std::string("Bearer \xC3\xA9")})
    EXPECT_EQ(status({{"Authorization", value}}), 401) << value.substr(0, 40);
  ledger.revoke_key("0000000a", accounts::now());
  EXPECT_EQ(status({{"Authorization", "Bearer " + user}}), 401);
  const std::string old = limited({.expires = accounts::now()});
  EXPECT_EQ(status({{"Authorization", "Bearer " + old}}), 401);
}

TEST_F(GateTest, ErrorsHaveTheShapeThatThePathExpects) {
  const Got ours = chat("", "hi");
  EXPECT_EQ(ours.body().at("error").at("code"), "invalid_api_key");
  EXPECT_EQ(ours.body().at("error").at("type"), "authentication_error");
  EXPECT_EQ(header(ours, "WWW-Authenticate"), "Bearer");
  const std::string body = R"({"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]})";
  const HttpRequest messages{.method = "POST", .target = "/v1/messages", .body = body};
  EXPECT_EQ(ask("", messages).body().at("error").at("type"), "authentication_error");
  EXPECT_EQ(ask("", messages).body().at("type"), "error");
  const std::string poor = limited({.prepaid = true});
  EXPECT_EQ(ask(poor, messages).head.status, 402);
  EXPECT_EQ(ask(poor, messages).body().at("error").at("type"), "billing_error");
  EXPECT_TRUE(chat(poor, "hi")
                  .body()
                  .at("error")
                  .at("message")
                  .get<std::string>()
                  .starts_with("Insufficient Balance"));
}

TEST_F(GateTest, AnAnswerCostsWhatItsUsageSays) {
  const std::string key = limited({.prepaid = true}, 10'000);
  const json usage = chat(key, "hi").body().at("usage");
  const auto cost = usage.at("prompt_tokens").get<accounts::Money>() + 2 * 6;
  EXPECT_EQ(usage.at("dsa").at("cost").get<double>(), static_cast<double>(cost) / 1e6);
  EXPECT_EQ(usage.at("dsa").at("currency"), "USD");
  const accounts::AuditRow row = last_row();
  EXPECT_EQ(row.cost, cost);
  EXPECT_EQ(row.status, "done");
  EXPECT_EQ(row.tokens.output, 6);
  EXPECT_TRUE(row.answer.starts_with("chatcmpl-"));
  const json balance = get(key, "/user/balance").body();
  EXPECT_EQ(balance.at("is_available"), true);
  EXPECT_EQ(balance.at("balance_infos").at(0),
            (json{{"currency", "USD"},
                  {"total_balance", accounts::money_text(10'000 - cost)},
                  {"granted_balance", "0.00"},
                  {"topped_up_balance", accounts::money_text(10'000 - cost)}}));
  const std::string page = get(admin, "/metrics").head.body;
  EXPECT_NE(
      page.find("\ndsa_billed_tokens_total{key=\"00000100\",model_name=\"script\",kind=\"output\"} 6\n"),
      std::string::npos);
  EXPECT_NE(page.find(fmt::format("currency=\"USD\"}} {}\n", accounts::money_text(cost))), std::string::npos);
  const json keys = get(admin, "/admin/keys").body().at("keys");
  const auto own = std::ranges::find_if(keys, [](const json& one) { return one.at("id") == "00000100"; });
  ASSERT_NE(own, keys.end());
  EXPECT_EQ(own->at("spent"), accounts::money_text(cost));
  const json report = get(admin, "/admin/usage?key=00000100").body();
  EXPECT_EQ(report.at("data").at(0).at("cost"), accounts::money_text(cost));
  EXPECT_EQ(get(admin, "/admin/usage?since=yesterday").head.status, 400);
  EXPECT_TRUE(get(admin, "/admin/usage?until=2020-01-01").body().at("data").empty());
}

TEST_F(GateTest, AStreamIsBilledAsAWholeAnswerIs) {
  const Got got = chat(user, "hi", R"(, "stream": true, "n": 2, "stream_options": {"include_usage": true})");
  const json usage = got.events().back().at("usage");
  const accounts::AuditRow row = last_row();
  EXPECT_EQ(row.tokens.output, 12) << "two answers";
  EXPECT_EQ(row.tokens.miss, usage.at("prompt_tokens").get<std::int64_t>()) << "the prompt once";
  EXPECT_EQ(usage.at("dsa").at("cost").get<double>(), static_cast<double>(row.cost) / 1e6);
}

TEST_F(GateTest, NothingIsSentThatIsNotInTheLedger) {
  Client client(*api, [&] {
    HttpRequest request = chat_request("slow", R"(, "stream": true)");
    request.headers.emplace_back("x-api-key", user);
    return request;
  }());
  const auto letters = [&] { return std::ranges::count(client.got.text, 'w'); };
  for (int i = 0; i < 10 && client.more(); ++i) {
    const auto sent = letters();
    const auto rows = ledger.audit({});
    EXPECT_GE(rows.back().tokens.output, sent);
    EXPECT_EQ(rows.back().status, "open");
  }
  EXPECT_GT(letters(), 0);
  client.exchange->vanish();
  wait_until_idle();
  const accounts::AuditRow row = last_row();
  EXPECT_EQ(row.status, "left");
  EXPECT_GE(row.tokens.output, letters()) << "it pays for what it was sent";
  EXPECT_LT(row.tokens.output, 1000);
  EXPECT_EQ(row.cost, row.tokens.miss + 2 * row.tokens.output);
}

TEST_F(GateTest, WhoLeavesBeforeAnythingCameAndWhomWeFailPayNothing) {
  {
    HttpRequest request = chat_request("slow");
    request.headers.emplace_back("x-api-key", user);
    Client client(*api, std::move(request));
    client.exchange->vanish();
    wait_until_idle();
  }
  EXPECT_EQ(last_row().status, "left");
  EXPECT_EQ(last_row().cost, 0);
  EXPECT_EQ(chat(user, "fails", R"(, "stream": true)").events().back().at("error").at("code"),
            "engine_error");
  EXPECT_EQ(last_row().status, "failed");
  EXPECT_EQ(last_row().cost, 0);
  EXPECT_EQ(chat(user, "fails").head.status, 500);
  EXPECT_EQ(last_row().cost, 0);
}

TEST_F(GateTest, ALedgerThatCannotBeWrittenEndsTheAnswerWithAnError) {
  failing.full = true;
  EXPECT_EQ(chat(user, "hi").head.status, 503);
  const Got streamed = chat(user, "hi", R"(, "stream": true)");
  EXPECT_EQ(streamed.text.find("Hel"), std::string::npos) << "nothing is given away";
  EXPECT_EQ(streamed.events().back().at("error").at("code"), "ledger_unavailable");
  wait_until_idle();
}

TEST_F(GateTest, ABalanceIsNeverOverdrawn) {
  const std::string key = limited({.prepaid = true}, 100);
  const Got dear = chat(key, "hi", R"(, "max_tokens": 500)");
  EXPECT_EQ(dear.head.status, 402);
  EXPECT_EQ(dear.body().at("error").at("code"), "insufficient_balance");
  const Got cut = chat(key, "long");
  const json body = cut.body();
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(header(cut, "X-Dsa-Max-Tokens"),
            std::to_string(body.at("usage").at("completion_tokens").get<int>()));
  const auto funds = ledger.funds("00000100", accounts::now());
  EXPECT_LE(funds.spent, 100);
  EXPECT_GE(funds.spent, 98) << "but for less than a token";
  EXPECT_EQ(chat(key, "hi").head.status, 402);
  EXPECT_EQ(get(key, "/user/balance").head.status, 200);
  ledger.deposit("00000100", 1000, accounts::now());
  EXPECT_EQ(chat(key, "hi").head.status, 200);
}

TEST_F(GateTest, LimitsAreA429ThatSaysWhenToComeBack) {
  const std::string key = limited({.requests_per_minute = 2, .tokens_per_minute = 100'000});
  const Got first = chat(key, "hi");
  EXPECT_EQ(header(first, "x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(header(first, "x-ratelimit-remaining-requests"), "1");
  EXPECT_EQ(header(first, "anthropic-ratelimit-tokens-limit"), "100000");
  EXPECT_EQ(chat(key, "hi").head.status, 200);
  const Got third = chat(key, "hi");
  EXPECT_EQ(third.head.status, 429);
  EXPECT_EQ(third.body().at("error").at("code"), "rate_limit_exceeded");
  EXPECT_EQ(header(third, "x-ratelimit-remaining-requests"), "0");
  EXPECT_GE(std::stoi(header(third, "Retry-After")), 1);
  EXPECT_LE(std::stoi(header(third, "Retry-After")), 30);
  const Got spent = chat(limited({.budget_day = 0}), "hi");
  EXPECT_EQ(spent.head.status, 429);
  EXPECT_EQ(spent.body().at("error").at("code"), "insufficient_quota");
  EXPECT_LE(std::stoi(header(spent, "Retry-After")), 86400);
  const std::string one = limited({.concurrency = 1});
  HttpRequest slow = chat_request("slow", R"(, "stream": true)");
  slow.headers.emplace_back("x-api-key", one);
  Client running(*api, std::move(slow));
  EXPECT_EQ(chat(one, "hi").head.status, 429);
  running.exchange->vanish();
  wait_until_idle();
  EXPECT_EQ(chat(one, "hi").head.status, 200);
}

TEST_F(GateTest, AKeyMayUseTheModelsThatItNames) {
  const Got got = chat(limited({.models = {"other"}}), "hi");
  EXPECT_EQ(got.head.status, 403);
  EXPECT_EQ(got.body().at("error").at("code"), "model_not_allowed");
  EXPECT_EQ(chat(limited({.models = {"other", "script"}}), "hi").head.status, 200);
}

TEST_F(GateTest, TheOwnerOfAKeyIsTheTenantUnlessTheCacheIsShared) {
  chat(user, "hi");
  chat(admin, "hi");
  EXPECT_EQ(engine.tenants, (std::set<std::string>{"anna", "root"}));
  engine.tenants.clear();
  Gate sharing(ledger, prices(), /*share_cache=*/true);
  api.api = std::make_unique<Api>(pool, ApiSettings{.gate = &sharing});
  chat(user, "hi");
  wait_until_idle();
  EXPECT_EQ(engine.tenants, std::set<std::string>{""});
}

TEST_F(GateTest, AStreamIsTakenUpByItsOwnerAlone) {
  const Got got = chat(user, "hi", R"(, "stream": true, "dsa": {"resumable": true})");
  const auto begin = got.text.find('{');
  const std::string id = json::parse(got.text.substr(begin, got.text.find('\n', begin) - begin)).at("id");
  EXPECT_EQ(get(admin, "/v1/streams/" + id).head.status, 404);
  EXPECT_EQ(get(user, "/v1/streams/" + id).text, got.text);
}

TEST_F(GateTest, AnEngineThatTakesNoRequestCostsNothing) {
  engine.drain(0ms);
  EXPECT_EQ(chat(user, "hi").head.status, 503);
  EXPECT_EQ(last_row().status, "refused");
  EXPECT_EQ(ledger.funds("0000000a", accounts::now()).held, 0);
}

}  // namespace
}  // namespace dsa::server
