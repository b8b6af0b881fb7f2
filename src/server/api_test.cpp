// Requests to answers, without sockets: the routes over an engine that plays a script.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/json.h"
#include "grammar/grammar_compiler.h"
#include "server/routes.h"
#include "testing/api_client.h"
#include "testing/served_model.h"

namespace dsa::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using test::Client;
using test::Got;
using test::ScriptedModel;

struct ApiTest : ::testing::Test {
  Got ask(HttpRequest request) { return Client(*api, std::move(request)).all(); }
  Got post(const std::string& path, const std::string& body) {
    return ask({.method = "POST", .target = path, .body = body});
  }
  Got get(const std::string& path) { return ask({.method = "GET", .target = path}); }
  static std::string chat(const std::string& text, const std::string& more = "") {
    return R"({"messages": [{"role": "user", "content": ")" + text + "\"}]" + more + "}";
  }
  void serve(test::Script script, ApiSettings settings = {}) {
    api.reset();
    model = std::make_unique<ScriptedModel>(std::move(script));
    pool = std::make_unique<ModelPool>(std::span(&model->served, 1));
    api = std::make_unique<Api>(*pool, std::move(settings));
  }
  void SetUp() override {
    serve({.answers = {{.when = "slow", .text = "word ", .repeat = 1000, .token_ms = 20},
                       {.when = "fails", .text = "so far", .error = "the scripted fault"},
                       {.when = "cut", .text = "one STOP two"},
                       {.text = "Hello!"}}});
  }

  std::unique_ptr<ScriptedModel> model;
  std::unique_ptr<ModelPool> pool;
  std::unique_ptr<Api> api;
};

TEST_F(ApiTest, AVersionsPathIsItsModelsUntilItEnds) {
  using namespace std::chrono;
  ApiSettings settings;
  settings.versions = {{"old", "script", "script", sys_days(year(2999) / 1 / 1)},
                       {"older", "script", "new", sys_days(year(2000) / 1 / 2)}};
  serve({.answers = {{.text = "Hello!"}}}, std::move(settings));
  const std::string body = chat("hi", R"(, "model": "deepseek-chat")");
  EXPECT_EQ(post("/v1/chat/completions", body).head.status, 404);
  EXPECT_EQ(post("/old/v1/chat/completions", body).body().at("model"), "script");
  EXPECT_EQ(post("/old/chat/completions", body).head.status, 200);
  const Got over = post("/older/v1/chat/completions", body);
  EXPECT_EQ(over.head.status, 410);
  EXPECT_EQ(over.body().at("error").at("code"), "version_expired");
  EXPECT_EQ(over.body().at("error").at("message"), "/older ended on 2000-01-01: ask new without it");
  EXPECT_EQ(post("/older/anthropic/v1/messages", body).body().at("type"), "error") << "in its API's shape";
}

TEST_F(ApiTest, AResponseIsGivenAgainUntilItIsForgotten) {
  const nlohmann::json first = post("/v1/responses", R"({"input": "hi"})").body();
  const std::string path = "/v1/responses/" + first.at("id").get<std::string>();
  EXPECT_EQ(get(path).body(), first);
  const std::string next = R"({"input": "and?", "previous_response_id": )" + first.at("id").dump() + "}";
  EXPECT_EQ(post("/v1/responses", next).body().at("previous_response_id"), first.at("id"));
  EXPECT_EQ(ask({.method = "DELETE", .target = path}).body().at("deleted"), true);
  EXPECT_EQ(ask({.method = "DELETE", .target = path}).head.status, 404);
  EXPECT_EQ(get(path).head.status, 404);
  EXPECT_EQ(post("/v1/responses", next).body().at("error").at("code"), "previous_response_not_found");
}

TEST_F(ApiTest, AStructureIsCompiledBeforeTheAnswerBegins) {
  const std::string object = R"(, "response_format": {"type": "json_object"})";
  EXPECT_EQ(post("/v1/chat/completions", chat("hi", object)).head.status, 400) << "it compiles nothing yet";
  GrammarCompiler grammars(model->tokenizer, model->served.vocab_size);
  model->served.grammars = &grammars;
  EXPECT_EQ(post("/v1/chat/completions", chat("hi", object)).head.status, 200);
  EXPECT_EQ(grammars.kept(), 1U);
  EXPECT_EQ(post("/v1/completions", R"({"prompt": ["a", "b"], "guided_regex": "[a-z]+"})").head.status, 200);
  const Got streamed = post("/v1/chat/completions", chat("hi", object + R"(, "stream": true)"));
  EXPECT_GT(streamed.events().size(), 2U);

  const Got refused =
      post("/v1/chat/completions", chat("hi", R"(, "guided_json": {"minProperties": 1}, "stream": true)"));
  EXPECT_EQ(refused.head.status, 400) << "no stream has begun";
  EXPECT_EQ(refused.body().at("error").at("code"), "unsupported_schema");
  EXPECT_EQ(refused.body().at("error").at("param"), "guided_json");
  api.reset();  // before the compiler
}

TEST_F(ApiTest, AChatAnswerHasOpenAisShape) {
  const Got got = post("/v1/chat/completions", chat("hi"));
  EXPECT_EQ(got.head.status, 200);
  const json body = got.body();
  EXPECT_EQ(body.at("object"), "chat.completion");
  EXPECT_TRUE(body.at("id").get<std::string>().starts_with("chatcmpl-"));
  EXPECT_EQ(body.at("model"), "script");
  EXPECT_EQ(body.at("choices"),
            json::parse(R"([{"index": 0, "message": {"role": "assistant", "content": "Hello!",
                                                            "refusal": null, "annotations": []},
                                                "logprobs": null, "finish_reason": "stop"}])"));
  const json& usage = body.at("usage");
  EXPECT_EQ(usage.at("completion_tokens"), 6);
  EXPECT_EQ(usage.at("total_tokens"), usage.at("prompt_tokens").get<int>() + 6);
  EXPECT_EQ(usage.at("prompt_cache_hit_tokens"), 0);
  EXPECT_EQ(usage.at("prompt_cache_miss_tokens"), usage.at("prompt_tokens"));
  EXPECT_EQ(usage.at("dsa").at("attention"), "dense");
  EXPECT_EQ(usage.at("dsa").at("top_k"), 64);
  EXPECT_EQ(usage.at("dsa").at("speculation"),
            json::parse(R"({"drafted": 3, "accepted": 2, "mtp_drafted": 2, "mtp_accepted": 1})"));
}

TEST_F(ApiTest, AStreamedChatSaysTheSameInPieces) {
  const Got got = post("/chat/completions",
                       chat("hi", R"(, "stream": true, "stream_options": {"include_usage": true}, "n": 2)"));
  EXPECT_EQ(got.head.type, "text/event-stream; charset=utf-8");
  EXPECT_TRUE(got.text.ends_with("data: [DONE]\n\n"));
  std::string texts[2];
  std::string reasons[2];
  const auto events = got.events();
  for (const json& event : events) {
    EXPECT_EQ(event.at("object"), "chat.completion.chunk");
    EXPECT_EQ(event.at("id"), events.front().at("id"));
    for (const json& choice : event.at("choices")) {
      const auto index = choice.at("index").get<std::size_t>();
      texts[index] += choice.at("delta").value("content", "");
      if (choice.at("finish_reason").is_string()) reasons[index] += choice.at("finish_reason");
    }
  }
  EXPECT_EQ(events.front().at("choices").at(0).at("delta").at("role"), "assistant");
  EXPECT_EQ(texts[0], "Hello!");
  EXPECT_EQ(texts[1], "Hello!");
  EXPECT_EQ(reasons[0] + reasons[1], "stopstop");
  EXPECT_TRUE(events.back().at("choices").empty());
  EXPECT_EQ(events.back().at("usage").at("completion_tokens"), 12);
  EXPECT_TRUE(events.front().at("usage").is_null());
}

TEST_F(ApiTest, LogProbabilitiesComeWithEachToken) {
  const json body =
      post("/v1/chat/completions", chat("hi", R"(, "logprobs": true, "top_logprobs": 2)")).body();
  const json& content = body.at("choices").at(0).at("logprobs").at("content");
  ASSERT_EQ(content.size(), 6U);
  EXPECT_EQ(content.at(0).at("token"), "H");
  EXPECT_EQ(content.at(0).at("bytes"), json::array({72}));
  EXPECT_EQ(content.at(0).at("top_logprobs").at(1).at("token"), "I");
  const Got streamed = post("/v1/chat/completions", chat("hi", R"(, "logprobs": true, "stream": true)"));
  std::size_t tokens = 0;
  for (const json& event : streamed.events())
    for (const json& choice : event.at("choices"))
      if (!choice.at("logprobs").is_null()) tokens += choice.at("logprobs").at("content").size();
  EXPECT_EQ(tokens, 6U);
}

TEST_F(ApiTest, StopsAndLengthsEndAnAnswer) {
  const auto ended = [&](const std::string& more) {
    const json choice = post("/v1/chat/completions", chat("cut", more)).body().at("choices").at(0);
    return choice.at("message").at("content").get<std::string>() + "|" +
           choice.at("finish_reason").get<std::string>();
  };
  EXPECT_EQ(ended(""), "one STOP two|stop");
  EXPECT_EQ(ended(R"(, "stop": "STOP")"), "one |stop");
  EXPECT_EQ(ended(R"(, "max_tokens": 3)"), "one|length");
}

// What lm-eval's log-likelihood tasks read.
TEST_F(ApiTest, AnEchoSaysHowLikelyThePromptIs) {
  const json body =
      post("/v1/completions", R"({"prompt": [97, 98, 99], "echo": true, "logprobs": 1, "max_tokens": 1})")
          .body();
  const json& choice = body.at("choices").at(0);
  EXPECT_EQ(choice.at("text"), "abcH");
  const json& log_probs = choice.at("logprobs");
  EXPECT_EQ(log_probs.at("tokens"), json::array({"a", "b", "c", "H"}));
  EXPECT_EQ(log_probs.at("token_logprobs"), json::array({nullptr, -0.5, -0.5, -0.5}));
  EXPECT_TRUE(log_probs.at("top_logprobs").at(0).is_null());
  EXPECT_EQ(log_probs.at("top_logprobs").at(1), json::parse(R"({"b": -0.5})"));
  EXPECT_EQ(log_probs.at("text_offset"), json::array({0, 1, 2, 3}));
  const json two =
      post("/v1/completions", R"({"prompt": "abc", "echo": true, "logprobs": 1, "max_tokens": 1, "n": 2})")
          .body();
  for (const json& each : two.at("choices"))
    EXPECT_EQ(each.at("logprobs"), log_probs) << "of each of its answers";
  const Got streamed = post("/v1/completions", R"({"prompt": "ab", "echo": true, "stream": true})");
  std::string text;
  for (const json& event : streamed.events()) text += event.at("choices").at(0).at("text");
  EXPECT_EQ(text, "abHello!");
  const Got both = post("/v1/completions",
                        R"({"prompt": "ab", "echo": true, "logprobs": 0, "stream": true, "max_tokens": 2})");
  std::size_t tokens = 0;
  text.clear();
  for (const json& event : both.events()) {
    text += event.at("choices").at(0).at("text");
    const json& lists = event.at("choices").at(0).at("logprobs");
    if (!lists.is_null()) tokens += lists.at("tokens").size();
  }
  EXPECT_EQ(text, "abHe");
  EXPECT_EQ(tokens, 4U);
}

TEST_F(ApiTest, ChoicesAreNumberedThroughAllPrompts) {
  const json body = post("/v1/completions", R"({"prompt": ["ab", "cut"], "n": 2, "max_tokens": 3})").body();
  std::string texts;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(body.at("choices").at(i).at("index"), i);
    texts += body.at("choices").at(i).at("text");
  }
  EXPECT_EQ(texts, "HelHeloneone");
  EXPECT_EQ(body.at("usage").at("prompt_tokens"), 5) << "a prompt is read once for all of its answers";
  EXPECT_EQ(body.at("usage").at("completion_tokens"), 12);
}

TEST_F(ApiTest, AnEnginesFaultIsA500OrAnEvent) {
  const Got got = post("/v1/chat/completions", chat("fails"));
  EXPECT_EQ(got.head.status, 500);
  EXPECT_EQ(got.body().at("error").at("message"), "the scripted fault");
  EXPECT_EQ(got.body().at("error").at("code"), "engine_error");
  const Got streamed = post("/v1/chat/completions", chat("fails", R"(, "stream": true)"));
  EXPECT_EQ(streamed.events().back().at("error").at("message"), "the scripted fault");
  EXPECT_TRUE(streamed.text.ends_with("data: [DONE]\n\n"));
}

TEST_F(ApiTest, AClientThatGoesCancels) {
  for (const auto* stream : {"true", "false"}) {
    Client client(*api, {.method = "POST",
                         .target = "/v1/chat/completions",
                         .body = chat("slow", fmt::format(R"(, "stream": {})", stream))});
    client.exchange->vanish();
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (api->running() > 0 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
    EXPECT_EQ(api->running(), 0U);
  }
  EXPECT_EQ(model->engine.status().finished[static_cast<int>(FinishReason::cancelled)], 2);
  EXPECT_NE(get("/metrics").head.body.find("\ndsa_clients_gone_total 2\n"), std::string::npos);
}

// The events of both parts are those of one stream.
TEST_F(ApiTest, AStreamThatBrokeIsTakenUpWhereItWasLeft) {
  serve({.answers = {{.text = "abcdefghij", .token_ms = 5}}});
  const std::string body = chat("hi", R"(, "stream": true, "dsa": {"resumable": true})");
  Client broken(*api, {.method = "POST", .target = "/v1/chat/completions", .body = body});
  while (std::ranges::count(broken.got.text, '\n') < 3 * 4 && broken.more()) {
  }
  broken.exchange->vanish();
  std::string text = broken.got.text;
  const auto missing =
      std::ranges::count(text, '\n') / 3;  // lines of an event: its number, its data, an empty one
  const std::string id =
      json::parse(text.substr(text.find('{'), text.find("\n\n") - text.find('{'))).at("id");
  const auto from = [&](const std::string& number) { return get("/v1/streams/" + id + "?from=" + number); };
  text += from(std::to_string(missing)).text;
  EXPECT_EQ(text, from("0").text);
  EXPECT_TRUE(text.ends_with("data: [DONE]\n\n"));
  EXPECT_TRUE(text.starts_with("id: 0\ndata: {"));
  for (const char letter : std::string("abcdefghij"))
    EXPECT_NE(text.find(fmt::format("\"content\":\"{}\"", letter)), std::string::npos) << letter;
  const Got last =
      ask({.method = "GET", .target = "/v1/streams/" + id, .headers = {{"Last-Event-ID", "10"}}});
  EXPECT_TRUE(last.text.starts_with("id: 11\n")) << last.text;
  EXPECT_EQ(from("1000").head.status, 404);
  EXPECT_EQ(from("-1").head.status, 400);
  EXPECT_EQ(from("x").head.status, 400);
  EXPECT_EQ(get("/v1/streams/none").head.status, 404);
  api->sweep(std::chrono::seconds(60));
  EXPECT_EQ(from("0").head.status, 200) << "kept";
  api->sweep(std::chrono::seconds(0));
  EXPECT_EQ(from("0").head.status, 404) << "forgotten";
}

TEST_F(ApiTest, AStreamThatNobodyTakesUpIsEnded) {
  Client broken(*api, {.method = "POST",
                       .target = "/v1/chat/completions",
                       .body = chat("slow", R"(, "stream": true, "dsa": {"resumable": true})")});
  api->sweep(std::chrono::seconds(0));
  EXPECT_EQ(api->running(), 1U) << "it is followed";
  broken.exchange->vanish();
  EXPECT_EQ(api->running(), 1U) << "it goes on by itself";
  api->sweep(std::chrono::seconds(0));
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (api->running() > 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(api->running(), 0U);
}

TEST_F(ApiTest, AFullQueueIsA503ThatSaysWhenToComeBack) {
  serve({.answers = {{.text = "x", .repeat = 1000, .token_ms = 50}}, .queue = 1});
  Client first(
      *api, {.method = "POST", .target = "/v1/chat/completions", .body = chat("a", R"(, "stream": true)")});
  const Got second = post("/v1/chat/completions", chat("b"));
  EXPECT_EQ(second.head.status, 503);
  EXPECT_EQ(second.body().at("error").at("code"), "queue_full");
  EXPECT_TRUE(
      std::ranges::any_of(second.head.headers, [](const auto& h) { return h.first == "Retry-After"; }));
  first.exchange->vanish();
}

TEST_F(ApiTest, WhoDrainsTakesNothingNewAndFinishesTheOld) {
  Client running(*api, {.method = "POST", .target = "/v1/chat/completions", .body = chat("hi")});
  api->drain();
  EXPECT_EQ(running.all().head.status, 200);
  EXPECT_EQ(get("/ready").head.status, 503);
  EXPECT_EQ(get("/health").head.status, 200);
  const Got late = post("/v1/chat/completions", chat("hi"));
  EXPECT_EQ(late.head.status, 503);
  EXPECT_EQ(late.body().at("error").at("code"), "server_draining");
}

TEST_F(ApiTest, AnEngineThatHangsKeepsNobody) {
  serve({.hangs = true});
  Client streamed(
      *api, {.method = "POST", .target = "/v1/chat/completions", .body = chat("a", R"(, "stream": true)")});
  Client whole(*api, {.method = "POST", .target = "/v1/chat/completions", .body = chat("b")});
  EXPECT_EQ(api->running(), 2U);
  api->abandon_all();
  EXPECT_EQ(streamed.all().events().back().at("error").at("code"), "server_draining");
  EXPECT_EQ(whole.all().head.status, 503);
  EXPECT_EQ(api->running(), 0U);
}

TEST_F(ApiTest, EachPathHasItsMethodsWithAndWithoutV1) {
  for (const std::string path :
       {"/models", "/models/script", "/health", "/ready", "/metrics", "/openapi.json", "/", "/page/app.js"}) {
    EXPECT_EQ(get(path).head.status, 200) << path;
    EXPECT_EQ(get("/v1" + path).head.status, 200) << path;
    EXPECT_EQ(post(path, "{}").head.status, 405) << path;
  }
  EXPECT_EQ(get("http://localhost/v1/models").head.status, 200);
  EXPECT_EQ(get("/v1/chat/completions").head.status, 405);
  EXPECT_EQ(ask({.method = "HEAD", .target = "/health"}).head.status, 200);
  EXPECT_EQ(ask({.method = "OPTIONS", .target = "/v1/models"}).head.status, 204);
  EXPECT_EQ(ask({.method = "OPTIONS", .target = "*"}).head.status, 204);
  for (const std::string path : {"/page/", "/v1", "//v1//models", "/v1/v1/models", "/models/x", "/models/",
                                 "/models/%2", "/models/%2e%2e", "/%00", "*", ""})
    EXPECT_EQ(get(path).head.status, 404) << path;
  EXPECT_EQ(post("/v1/chat/completions", chat("hi", R"(, "model": "gpt-4")")).body().at("error").at("code"),
            "model_not_found");
}

TEST_F(ApiTest, AModelSaysItsRealContext) {
  const json body = get("/v1/models/script").body();
  EXPECT_EQ(body.at("context_window"), 1024);
  EXPECT_EQ(get("/v1/models").body().at("data").at(0), body);
}

TEST_F(ApiTest, TokensGoBothWays) {
  const json ids = post("/tokenize", R"({"prompt": "ab<|im_end|>", "return_token_strs": true})").body();
  EXPECT_EQ(ids.at("tokens"), json::array({97, 98, test::kImEnd}));
  EXPECT_EQ(ids.at("token_strs"), json::array({"a", "b", "<|im_end|>"}));
  EXPECT_EQ(post("/detokenize", R"({"tokens": [97, 98, 258]})").body().at("prompt"), "ab<|im_end|>");
  const json chat_ids = post("/tokenize", chat("hi")).body();
  EXPECT_EQ(chat_ids.at("count"), chat_ids.at("tokens").size());
  for (const auto* wrong : {"{}", R"({"tokens": 1})", R"({"tokens": [260]})", R"({"tokens": ["a"]})"})
    EXPECT_EQ(post("/detokenize", wrong).head.status, 400) << wrong;
  EXPECT_EQ(post("/tokenize", "{}").head.status, 400);
  const json info = get("/tokenizer_info").body();
  EXPECT_EQ(info.at("eos_token"), "<|im_end|>");
  EXPECT_TRUE(info.at("bos_token").is_null());
  EXPECT_EQ(info.at("chat_template"), test::kChatmlTemplate);
}

TEST_F(ApiTest, PagesOfOtherSitesAreRefused) {
  const auto status = [&](HttpHeaders headers) {
    return ask({.method = "GET", .target = "/health", .headers = std::move(headers)}).head.status;
  };
  EXPECT_EQ(status({{"Host", "127.0.0.1:8000"}}), 200);
  EXPECT_EQ(status({{"Host", "[::1]:8000"}}), 200);
  EXPECT_EQ(status({{"Host", "evil.example"}}), 403) << "a name that points here";
  EXPECT_EQ(status({{"Origin", "http://evil.example"}}), 403);
  EXPECT_EQ(status({{"Origin", "null"}}), 403);
  EXPECT_EQ(status({{"Origin", "http://localhost:8000"}}), 200) << "a page of our own";
  serve({}, {.allow_hosts = {"dsa.example"}, .allow_origins = {"http://page.example"}});
  EXPECT_EQ(status({{"Host", "dsa.example"}, {"Origin", "http://page.example"}}), 200);
  EXPECT_EQ(status({{"Host", "dsa.example"}, {"Origin", "http://other.example"}}), 403);
}

TEST_F(ApiTest, LogsHoldNoTextUnlessAsked) {
  std::string lines;
  const auto log = [&](const std::string& line) { lines += line + "\n"; };
  serve({}, {.log_requests = true, .log = log});
  post("/v1/chat/completions", chat("secret"));
  EXPECT_NE(lines.find("/v1/chat/completions 200"), std::string::npos);
  EXPECT_NE(lines.find(" stop: 0 of "), std::string::npos) << "what became of it: " << lines;
  EXPECT_EQ(lines.find("secret"), std::string::npos);
  serve({}, {.log_prompts = true, .log = log});
  post("/v1/chat/completions", chat("secret"));
  EXPECT_NE(lines.find("secret"), std::string::npos);
}

TEST_F(ApiTest, ACapturedRequestIsAScriptThatSendsItAgain) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("dsa-capture-{}", ::getpid());
  EXPECT_THROW(serve({}, {.capture = folder.string()}), Error);
  std::filesystem::create_directory(folder);
  serve({}, {.capture = folder.string()});
  const std::string body = chat(R"(it's \"quoted\" $HOME)");
  post("/v1/chat/completions", body);
  get("/v1/models");
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path());
    files[entry.path().extension()] = {std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(077), std::filesystem::perms::none);
  }
  EXPECT_EQ(files.size(), 2U);
  EXPECT_EQ(files[".json"], body);
  EXPECT_NE(files[".sh"].find("-X POST \"${1:-http://127.0.0.1:8000}/v1/chat/completions\""),
            std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_F(ApiTest, ARequestUnderAPrefixIsLoggedAndCapturedWithIt) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("dsa-prefix-{}", ::getpid());
  std::filesystem::create_directory(folder);
  std::string lines;
  ApiSettings settings{.capture = folder.string(), .log_requests = true, .log = [&](const std::string& line) {
                         lines += line;
                       }};
  settings.versions = {{"old", "script", "script", std::chrono::sys_days(std::chrono::year(2999) / 1 / 1)}};
  serve({}, std::move(settings));
  post("/old/v1/chat/completions", chat("hi"));
  EXPECT_NE(lines.find("/old/v1/chat/completions 200"), std::string::npos) << lines;
  std::string script;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".sh") {
      std::ifstream in(entry.path());
      script.assign(std::istreambuf_iterator<char>(in), {});
    }
  EXPECT_NE(script.find("127.0.0.1:8000}/old/v1/chat/completions\""), std::string::npos) << script;
  std::filesystem::remove_all(folder);
}

TEST_F(ApiTest, TheRequestIdIsGivenBackIfItIsHarmless) {
  const auto id = [&](const std::string& given) {
    const Got got = ask({.method = "GET", .target = "/health", .headers = {{"X-Request-Id", given}}});
    for (const auto& [name, value] : got.head.headers)
      if (name == "X-Request-Id") return value;
    return std::string("none");
  };
  EXPECT_EQ(id("abc-1"), "abc-1");
  EXPECT_TRUE(id("a b").starts_with("req-"));
  EXPECT_TRUE(id(std::string(200, 'a')).starts_with("req-"));
}

TEST_F(ApiTest, MetricsCountWhatWasDoneUnderBothNames) {
  post("/v1/chat/completions", chat("hi"));
  const std::string page = get("/metrics").head.body;
  for (const auto* line :
       {"\ndsa_generation_tokens_total{model_name=\"script\"} 6\n",
        "\nvllm:generation_tokens_total{model_name=\"script\"} 6\n",
        "\ndsa_time_to_first_token_seconds_count 1\n", "\nvllm:inter_token_latency_seconds_count 5\n",
        "\ndsa_request_success_total{model_name=\"script\",finished_reason=\"stop\"} 1\n",
        "\ndsa_http_answers_total{route=\"/chat/completions\",status=\"200\"} 1\n",
        "\ndsa_num_requests_running{model_name=\"script\"} 0\n"})
    EXPECT_NE(page.find(line), std::string::npos) << line;
}

TEST_F(ApiTest, AnEngineOfTwoNamesIsCountedOnce) {
  std::vector<ServedModel> models{model->served, model->served};
  models[1].id += ":dense";
  models[1].run.attention = AttentionMode::dense;
  ModelPool both(models);
  api = std::make_unique<Api>(both, ApiSettings{});
  post("/v1/chat/completions", chat("hi", R"(, "model": "script:dense")"));
  const std::string page = get("/metrics").head.body;
  EXPECT_NE(page.find("\ndsa_generation_tokens_total{model_name=\"script\"} 6\n"), std::string::npos);
  EXPECT_EQ(page.find("script:dense"), std::string::npos);
  EXPECT_EQ(json::parse(get("/v1/models").head.body)["data"].size(), 2U);
  api.reset();
}

TEST(HealthWatch, OnlyAnEngineThatHasWorkAndMakesNoStepIsStuck) {
  HealthWatch watch;
  const auto start = HealthWatch::Clock::now();
  const auto later = start + 10 * HealthWatch::kPatience;
  EXPECT_TRUE(watch.healthy({.steps = 5}, start));
  EXPECT_TRUE(watch.healthy({.steps = 5}, later)) << "idle for long";
  EXPECT_TRUE(watch.healthy({.writing = 1, .steps = 5}, later)) << "its work has only come";
  EXPECT_TRUE(watch.healthy({.writing = 1, .steps = 5}, later + HealthWatch::kPatience));
  EXPECT_FALSE(watch.healthy({.writing = 1, .steps = 5}, later + HealthWatch::kPatience + 1s));
  EXPECT_TRUE(watch.healthy({.writing = 1, .steps = 6}, later + HealthWatch::kPatience + 2s));
}

}  // namespace
}  // namespace dsa::server
