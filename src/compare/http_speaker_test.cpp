#include "compare/http_speaker.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "compare/sse_reader.h"
#include "server/http_server.h"
#include "server/model_pool.h"
#include "server/routes.h"
#include "testing/served_model.h"

namespace dsa::compare {
namespace {

/// A whole server, but for its model.
class Served {
 public:
  explicit Served(test::Script script)
      : model_(std::move(script)),
        pool_(std::span(&model_.served, 1)),
        api_(pool_, {}),
        server_(
            {.port = 0},
            [this](server::HttpRequest&& request, const std::shared_ptr<server::Exchange>& exchange) {
              api_.handle(std::move(request), exchange);
            },
            [](int status, const std::string& why) {
              return server::HttpAnswer{.status = status, .body = why};
            }),
        thread_([this] { server_.run(); }) {}
  ~Served() {
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return fmt::format("http://127.0.0.1:{}", server_.port()); }

 private:
  test::ScriptedModel model_;
  server::ModelPool pool_;
  server::Api api_;
  server::HttpServer server_;
  std::thread thread_;
};

const std::atomic<bool> kNotCancelled{false};
const std::vector<ChatMessage> kHello{{.role = Role::user, .content = "Hello"}};

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(HttpSpeaker, AnswersAreReadAsTheyStream) {
  const Served served(
      {.answers = {{.when = "Hello", .text = "Good day to you. ", .repeat = 3, .token_ms = 5}}});
  HttpSpeaker speaker(served.url(), "",
                      {.price = cost::Price{.name = "", .date = "", .hit = 1, .miss = 1, .output = 2}},
                      kNotCancelled);
  EXPECT_EQ(speaker.identity().at("model"), "script") << "the server's only one";
  const auto said = speaker.say(kHello, kNotCancelled);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->message.content, "Good day to you. Good day to you. Good day to you. ");
  EXPECT_EQ(said->finish, "stop");
  for (const char* name : {"tokens", "ttft_ms", "tok_s", "seconds", "usd_per_1000"})
    EXPECT_GT(said->figures.at(name), 0) << name;
  EXPECT_EQ(said->figures.at("cut"), 0);
  const HttpSpeaker named(served.url() + "/v1#script", "", {}, kNotCancelled);
  EXPECT_EQ(named.identity(), speaker.identity());
}

TEST(HttpSpeaker, WhatTheServerRefusesIsSaidInItsWords) {
  const Served served({.answers = {{.text = "so far", .error = "the scripted fault"}}});
  HttpSpeaker other(served.url() + "#absent", "", {}, kNotCancelled);
  EXPECT_NE(error_of([&] { other.say(kHello, kNotCancelled); }).find("status 404"), std::string::npos);
  HttpSpeaker fails(served.url(), "", {}, kNotCancelled);
  EXPECT_NE(error_of([&] { fails.say(kHello, kNotCancelled); }).find("the scripted fault"),
            std::string::npos);
}

TEST(HttpSpeaker, CtrlCDoesNotWaitForAServerThatHangs) {
  const Served served({.hangs = true});
  HttpSpeaker speaker(served.url(), "", {}, kNotCancelled);
  std::atomic<bool> cancel{false};
  std::thread soon([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel = true;
  });
  EXPECT_FALSE(speaker.say(kHello, cancel));
  soon.join();
}

TEST(HttpSpeaker, WhereNobodyListensIsAnError) {
  const std::string error = error_of([] { HttpSpeaker("http://127.0.0.1:1", "", {}, kNotCancelled); });
  EXPECT_EQ(error, "http://127.0.0.1:1/v1: connecting: Connection refused");
}

TEST(HttpSpeaker, TlsIsSpokenToThoseWhoSpeakIt) {
  const Served served({});
  const std::string url = "https" + served.url().substr(4);
  EXPECT_NE(error_of([&] { HttpSpeaker(url, "", {}, kNotCancelled); }).find(": TLS: "), std::string::npos);
}

TEST(Url, IsTakenApart) {
  const Url plain = parse_url("http://localhost:8000/v1/");
  EXPECT_EQ(plain.text(), "http://localhost:8000/v1");
  EXPECT_EQ(parse_url("https://a.example").port, "443");
  EXPECT_EQ(parse_url("http://[::1]:80/x").host, "::1");
  EXPECT_EQ(parse_url("http://[::1]").text(), "http://[::1]:80");
  for (const char* text : {"", "ftp://x", "http://", "http://x:", "http://x:99999999", "http://x:a",
                           "http://a b", "http://u@x", "http://[::1"})
    EXPECT_THROW(parse_url(text), Error) << text;
}

TEST(SseReader, EventsComeOnceAndWhole) {
  SseReader reader;
  EXPECT_TRUE(reader.take("data: {\"a\"").empty());
  EXPECT_EQ(reader.take("data: {\"a\": 1}\n\n: note\nda"), std::vector<std::string_view>{"{\"a\": 1}"});
  EXPECT_EQ(reader.take("data: {\"a\": 1}\n\n: note\ndata:2\r\n"), std::vector<std::string_view>{"2"});
}

}  // namespace
}  // namespace dsa::compare
