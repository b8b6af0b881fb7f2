// Models that come and go, without any weights.
#include "server/model_pool.h"

#include <gtest/gtest.h>

#include <atomic>

#include "server/routes.h"
#include "testing/api_client.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Client;
using test::Got;
using test::ScriptedModel;

constexpr test::ScriptedAnswer kSlow{.when = "slow", .text = "w", .repeat = 1000, .token_ms = 10};

class Scripted final : public ResidentModel {
 public:
  Scripted(const std::string& id, std::atomic<int>& loaded)
      : model_({.answers = {kSlow, {.text = "I am " + id}}}), loaded_(loaded) {
    model_.served.id = id;
    models_.push_back(model_.served);
    ++loaded_;
  }
  ~Scripted() override { --loaded_; }
  std::span<const ServedModel> models() const override { return models_; }

 private:
  ScriptedModel model_;
  std::vector<ServedModel> models_;
  std::atomic<int>& loaded_;
};

struct PoolTest : ::testing::Test {
  PooledModel model(const std::string& id, std::int64_t bytes) {
    return {.cards = {{.id = id, .context = 1024}}, .bytes = bytes, .load = [this, id] {
              std::this_thread::sleep_for(load_time);
              if (id == broken) fail("{}: the file is broken", id);
              return std::make_unique<Scripted>(id, loaded);
            }};
  }
  void serve(std::vector<PooledModel> models, std::int64_t budget) {
    pool = std::make_unique<ModelPool>(std::move(models), budget);
    pool->load_those_that_stay();
    api = std::make_unique<Api>(*pool, ApiSettings{});
  }
  static HttpRequest chat(const std::string& id, const std::string& text, const std::string& more = "") {
    return {.method = "POST",
            .target = "/v1/chat/completions",
            .body = R"({"model": ")" + id + R"(", "messages": [{"role": "user", "content": ")" + text +
                    "\"}]" + more + "}"};
  }
  std::string answer(const std::string& id) {
    const Got got = Client(*api, chat(id, "hi")).all();
    const json body = got.body();
    if (got.head.status != 200) return body["error"]["code"];
    return body["choices"][0]["message"]["content"];
  }
  std::string states() {
    std::string out;
    for (const ModelState& state : pool->states())
      out += fmt::format("{}{}:{}", out.empty() ? "" : " ", state.cards.front().id, name(state.presence));
    return out;
  }
  bool become(const std::string& wanted) {
    for (int i = 0; i < 1000 && states() != wanted; ++i) std::this_thread::sleep_for(5ms);
    return states() == wanted;
  }

  std::atomic<int> loaded{0};
  std::string broken;
  std::chrono::milliseconds load_time{0};
  std::unique_ptr<ModelPool> pool;
  std::unique_ptr<Api> api;
};

TEST_F(PoolTest, WhoeverWasIdleLongestMakesRoom) {
  serve({model("a", 40), model("b", 40), model("c", 40)}, 100);
  EXPECT_EQ(states(), "a:absent b:absent c:absent");
  EXPECT_EQ(answer("a"), "I am a");
  EXPECT_EQ(answer("b"), "I am b");
  EXPECT_EQ(loaded, 2);
  EXPECT_EQ(answer("a"), "I am a");
  EXPECT_EQ(answer("c"), "I am c");
  EXPECT_TRUE(become("a:loaded b:absent c:loaded")) << states();
  EXPECT_EQ(answer("b"), "I am b");
  EXPECT_TRUE(become("a:absent b:loaded c:loaded")) << states();
  EXPECT_EQ(loaded, 2);
  EXPECT_EQ(pool->states()[0].status.written_tokens, 2 * pool->states()[2].status.written_tokens)
      << "counts outlive the engine";
}

TEST_F(PoolTest, WhatCannotFitIsAnErrorAndDisturbsNobody) {
  PooledModel stays = model("a", 60);
  stays.stays = true;
  serve({std::move(stays), model("b", 30), model("c", 50)}, 100);
  EXPECT_EQ(answer("b"), "I am b");
  EXPECT_EQ(answer("c"), "model_too_large");
  EXPECT_EQ(states(), "a:loaded b:loaded c:absent");
  const Got streamed = Client(*api, chat("c", "hi", R"(, "stream": true)")).all();
  EXPECT_EQ(streamed.head.status, 503);
  EXPECT_NE(streamed.head.body.find("needs 1 MiB"), std::string::npos) << streamed.head.body;
}

TEST_F(PoolTest, WhatIsStartedWithMustFit) {
  PooledModel stays = model("a", 60);
  stays.stays = true;
  EXPECT_THROW(serve({std::move(stays)}, 50), Error);
}

TEST_F(PoolTest, ABusyModelComesToItsEndFirst) {
  serve({model("a", 60), model("b", 60)}, 100);
  Client slow(*api, chat("a", "slow", R"(, "stream": true)"));
  while (slow.got.text.find(R"("w")") == std::string::npos) ASSERT_TRUE(slow.more());
  Client waits(*api, chat("b", "hi", R"(, "stream": true)"));
  ASSERT_TRUE(waits.more());
  EXPECT_EQ(waits.got.head.status, 200) << "its stream has begun, and is kept alive";
  EXPECT_EQ(waits.exchange->keep_alive(), ": keep-alive\n\n");
  // Nobody comes in between, so that it is b's turn some time.
  for (int i = 0; i < 1000 && pool->hold(0); ++i) std::this_thread::sleep_for(5ms);
  Client behind(*api, chat("a", "hi"));
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(states(), "a:loaded b:waiting");
  slow.exchange->vanish();
  std::string text;
  for (const json& event : waits.all().events())
    if (!event["choices"].empty()) text += event["choices"][0]["delta"].value("content", "");
  EXPECT_EQ(text, "I am b");
  EXPECT_EQ(behind.all().body()["choices"][0]["message"]["content"], "I am a");
  EXPECT_TRUE(become("a:loaded b:absent")) << states();
}

TEST_F(PoolTest, IdleModelsLeave) {
  PooledModel soon = model("a", 10), later = model("b", 10);
  soon.idle_for = 30ms;
  later.idle_for = 1h;
  serve({std::move(soon), std::move(later), model("c", 10)}, 100);
  for (const auto* id : {"a", "b", "c"}) answer(id);
  EXPECT_TRUE(become("a:absent b:loaded c:loaded"));
  EXPECT_EQ(loaded, 2);
  const auto all = pool->states();
  EXPECT_GT(all[1].leaves_in_s.value_or(0), 3000);
  EXPECT_FALSE(all[2].leaves_in_s);
  EXPECT_EQ(answer("a"), "I am a");
  EXPECT_EQ(pool->states()[0].loads, 2);
}

TEST_F(PoolTest, OneLoadIsEnoughForAllWhoWait) {
  load_time = 50ms;
  serve({model("a", 10)}, 100);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<Client>(*api, chat("a", "hi")));
  for (const auto& client : clients) EXPECT_EQ(client->all().head.status, 200);
  EXPECT_EQ(pool->states()[0].loads, 1);
}

TEST_F(PoolTest, AModelThatCannotBeLoadedIsAnErrorInTheShapeThatWasAskedFor) {
  broken = "a";
  serve({model("a", 10), model("b", 10)}, 100);
  EXPECT_EQ(answer("a"), "model_unavailable");
  const Got streamed = Client(*api, chat("a", "hi", R"(, "stream": true)")).all();
  EXPECT_EQ(streamed.head.status, 200);
  EXPECT_EQ(streamed.events().at(0)["error"]["code"], "model_unavailable");
  const Got anthropic = Client(*api, {.method = "POST",
                                      .target = "/v1/messages",
                                      .body = R"({"model": "a", "max_tokens": 5, "stream": true,
                                                "messages": [{"role": "user", "content": "hi"}]})"})
                            .all();
  EXPECT_TRUE(anthropic.text.starts_with("event: error\n")) << anthropic.text;
  EXPECT_EQ(answer("b"), "I am b");
  broken = "";
  EXPECT_EQ(answer("a"), "I am a");
}

TEST_F(PoolTest, WhoWaitsWhenTheServerEndsIsToldSo) {
  load_time = 100ms;
  serve({model("a", 10), model("b", 10)}, 100);
  Client first(*api, chat("a", "hi"));
  Client second(*api, chat("b", "hi"));
  api->drain();
  pool->drain(0ms);
  EXPECT_EQ(second.all().body()["error"]["code"], "server_draining");
  EXPECT_EQ(first.all().body()["error"]["code"], "server_draining");
  EXPECT_EQ(answer("a"), "server_draining");
}

TEST_F(PoolTest, AllAreListedAndToldOf) {
  serve({model("a", 10), model("b", 10)}, 100);
  answer("b");
  const json list = Client(*api, {.method = "GET", .target = "/v1/models"}).all().body();
  EXPECT_EQ(list["data"].size(), 2U);
  EXPECT_EQ(list["data"][0]["id"], "a");
  const json told = Client(*api, {.method = "GET", .target = "/admin/models"}).all().body();
  EXPECT_EQ(told["memory_bytes"], 10);
  EXPECT_EQ(told["memory_limit_bytes"], 100);
  EXPECT_EQ(told["data"][0]["state"], "absent");
  EXPECT_EQ(told["data"][1]["state"], "loaded");
  EXPECT_GT(told["data"][1]["completion_tokens"], 0);
  const Got health = Client(*api, {.method = "GET", .target = "/health"}).all();
  EXPECT_EQ(health.body()["models"], json::parse(R"({"a": "absent", "b": "ok"})"));
  const std::string page = Client(*api, {.method = "GET", .target = "/metrics"}).all().head.body;
  EXPECT_NE(page.find("\ndsa_model_loaded{model_name=\"a\"} 0\ndsa_model_loaded{model_name=\"b\"} 1\n"),
            std::string::npos);
}

TEST(SpeedWatch, IsOfTheLastNotes) {
  SpeedWatch watch;
  const SpeedWatch::Clock::time_point start{};
  EXPECT_EQ(watch.speed().written, 0);
  for (int i = 0; i <= 20; ++i)
    watch.note({.computed_tokens = 7 * i, .written_tokens = i * i}, start + i * 1s);
  EXPECT_DOUBLE_EQ(watch.speed().read, 7);
  EXPECT_DOUBLE_EQ(watch.speed().written, (20 * 20 - 10 * 10) / 10.0);
}

}  // namespace
}  // namespace dsa::server
