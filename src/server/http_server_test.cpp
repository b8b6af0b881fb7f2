#include "server/http_server.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "testing/http_client.h"

namespace dsa::server {
namespace {

using test::HttpClient;
using namespace std::chrono_literals;

// What a handler was given, for the test to answer when it likes.
class Asked {
 public:
  void put(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) {
    const std::scoped_lock lock(mutex_);
    all_.emplace_back(std::move(request), exchange);
    changed_.notify_all();
  }
  std::pair<HttpRequest, std::shared_ptr<Exchange>> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 10s, [&] { return !all_.empty(); })) throw Error("nobody asked");
    auto first = std::move(all_.front());
    all_.erase(all_.begin());
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<HttpRequest, std::shared_ptr<Exchange>>> all_;
};

// Something that another thread does once.
class Once {
 public:
  std::function<void()> setter() {
    return [this] {
      const std::scoped_lock lock(mutex_);
      done_ = true;
      changed_.notify_all();
    };
  }
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return done_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

/// A server on a free port: "/echo" answers at once, "/throw" throws, all else is the test's to answer.
class Running {
 public:
  explicit Running(HttpSettings settings = {})
      : server_(
            [&] {
              settings.port = 0;
              return settings;
            }(),
            [this](HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) {
              if (request.path() == "/echo") return exchange->send({.body = request.body});
              if (request.path() == "/throw") throw Error("thrown");
              asked.put(std::move(request), exchange);
            },
            [](int status, const std::string& why) { return HttpAnswer{.status = status, .body = why}; }),
        thread_([this] { server_.run(); }) {}
  ~Running() {
    server_.stop();
    thread_.join();
  }
  HttpServer* operator->() { return &server_; }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

  Asked asked;

 private:
  HttpServer server_;
  std::thread thread_;
};

std::string post_to(const std::string& path, const std::string& body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", path, body.size(), body);
}
const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(HttpServer, KeepsAConnectionAndAnswersInOrder) {
  Running server;
  HttpClient client(server.port());
  client.send(post_to("/echo", "one") + post_to("/echo", "two"));
  EXPECT_TRUE(client.answer().ends_with("\r\n\r\none"));
  EXPECT_TRUE(client.answer().ends_with("\r\n\r\ntwo"));
  client.send("HEAD /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string last = client.rest();
  EXPECT_TRUE(has(last, "Connection: close"));
  EXPECT_TRUE(last.ends_with("\r\n\r\n"));
  EXPECT_TRUE(client.closed());
}

TEST(HttpServer, AHandlerThatThrowsIsAnswered) {
  Running server;
  HttpClient client(server.port());
  client.send(post_to("/throw", ""));
  EXPECT_TRUE(has(client.answer(), "HTTP/1.1 500 "));
  client.send(post_to("/echo", "still here"));
  EXPECT_TRUE(has(client.answer(), "still here"));
}

TEST(HttpServer, AStreamIsChunksFedFromAnotherThread) {
  Running server;
  HttpClient client(server.port());
  client.send(kGet);
  auto [request, exchange] = server.asked.take();
  EXPECT_EQ(request.peer, "127.0.0.1");
  exchange->begin({.type = "text/event-stream"}, "");
  EXPECT_TRUE(has(client.until("\r\n\r\n"), "Transfer-Encoding: chunked"));
  exchange->write("hello");
  EXPECT_EQ(client.until("hello\r\n"), "5\r\nhello\r\n");
  exchange->write("!");
  exchange->end();
  EXPECT_EQ(client.until("0\r\n\r\n"), "1\r\n!\r\n0\r\n\r\n");
  client.send(post_to("/echo", "again"));
  EXPECT_TRUE(has(client.answer(), "again"));
}

TEST(HttpServer, ToHttp10AStreamIsBareAndEndsTheConnection) {
  Running server;
  HttpClient client(server.port());
  client.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto exchange = server.asked.take().second;
  exchange->begin({}, "");
  exchange->write("bare");
  exchange->end();
  EXPECT_TRUE(client.rest().ends_with("\r\n\r\nbare"));
}

TEST(HttpServer, ASilentStreamIsKeptAlive) {
  Running server({.keep_alive_every = 20ms});
  HttpClient client(server.port());
  client.send(kGet);
  auto exchange = server.asked.take().second;
  exchange->begin({}, ": still here\n\n");
  EXPECT_TRUE(has(client.until(": still here\n\n"), "200 OK"));
  EXPECT_TRUE(has(client.until(": still here\n\n"), "still"));
  exchange->end();
}

TEST(HttpServer, AClientThatGoesIsNoticedBeforeAnythingIsWritten) {
  Running server;
  HttpClient client(server.port());
  client.send(kGet);
  auto exchange = server.asked.take().second;
  Once gone;
  exchange->on_gone(gone.setter());
  client.close();
  EXPECT_TRUE(gone.wait());
  exchange->send({});
}

TEST(HttpServer, AClientThatOnlyStopsSendingIsTakenForGoneButAnswered) {
  Running server;
  HttpClient client(server.port());
  client.send(kGet);
  client.finish_sending();
  auto exchange = server.asked.take().second;
  Once gone;
  exchange->on_gone(gone.setter());
  EXPECT_TRUE(gone.wait());
  exchange->send({.body = "all the same"});
  EXPECT_TRUE(client.rest().ends_with("all the same"));
}

TEST(HttpServer, AReaderThatNeverReadsIsDropped) {
  Running server({.limits = {.unread_bytes = 64 << 10}});
  HttpClient client(server.port(), /*receive_bytes=*/4096);
  client.send(kGet);
  auto exchange = server.asked.take().second;
  Once gone;
  exchange->on_gone(gone.setter());
  exchange->begin({}, "");
  // What the kernel takes does not count; what it leaves does.
  const std::string piece(32 << 10, 'x');
  for (int i = 0; i < 1000 && !exchange->dropped(); ++i) {
    exchange->write(piece);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(gone.wait());
  for (int i = 0; i < 1000 && server->connections() > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(server->connections(), 0) << "long before the write that hangs is given up";
}

TEST(HttpServer, ARequestThatTakesTooLongIsRefused) {
  Running server({.limits = {.header_time = 50ms, .total_time = 100ms, .idle_time = 50ms}});
  HttpClient idle(server.port());
  EXPECT_EQ(idle.rest(), "") << "an idle connection is closed without a word";
  HttpClient headers(server.port());
  headers.send("GET /x HTTP/1.1\r\n");
  EXPECT_TRUE(has(headers.rest(), "HTTP/1.1 408 "));
  HttpClient body(server.port());
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
  EXPECT_TRUE(has(body.rest(), "HTTP/1.1 408 "));
}

TEST(HttpServer, BadRequestsAreAnsweredAndTheConnectionCloses) {
  Running server({.limits = {.body_bytes = 10}});
  HttpClient smuggler(server.port());
  smuggler.send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_TRUE(has(smuggler.rest(), "HTTP/1.1 400 "));
  EXPECT_TRUE(smuggler.closed());
  HttpClient large(server.port());
  large.send(post_to("/echo", std::string(100'000, 'x')));
  EXPECT_TRUE(has(large.rest(), "HTTP/1.1 413 ")) << "read by a client that is still sending";
}

TEST(HttpServer, AClientThatAsksMaySend) {
  Running server;
  HttpClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_TRUE(client.answer().ends_with("ok"));
}

TEST(HttpServer, OneConnectionPastTheLimitIsTurnedAway) {
  Running server({.limits = {.connections = 2}});
  HttpClient first(server.port()), second(server.port());
  first.send(post_to("/echo", "1"));
  second.send(post_to("/echo", "2"));
  EXPECT_TRUE(has(first.answer(), "200 OK"));
  EXPECT_TRUE(has(second.answer(), "200 OK"));
  HttpClient third(server.port());
  EXPECT_TRUE(has(third.rest(), "HTTP/1.1 503 "));
}

TEST(HttpServer, OneRequestPastAClientsLimitIsTurnedAway) {
  Running server({.limits = {.running_per_client = 2}});
  HttpClient first(server.port()), second(server.port()), third(server.port());
  first.send(kGet);
  auto answer = server.asked.take().second;
  second.send(kGet);
  auto other = server.asked.take().second;
  third.send(kGet);
  EXPECT_TRUE(has(third.rest(), "HTTP/1.1 429 "));
  answer->send({.body = "first"});
  EXPECT_TRUE(has(first.answer(), "first"));
  first.send(post_to("/echo", "room again"));
  EXPECT_TRUE(has(first.answer(), "room again"));
  other->send({});
}

TEST(HttpServer, StopAcceptingEndsEachConnectionBehindItsAnswer) {
  Running server;
  HttpClient busy(server.port()), idle(server.port());
  busy.send(kGet);
  auto exchange = server.asked.take().second;
  idle.send(post_to("/echo", "x"));
  idle.answer();
  server->stop_accepting();
  EXPECT_EQ(idle.rest(), "");
  EXPECT_TRUE(idle.closed());
  exchange->send({.body = "done"});
  EXPECT_TRUE(busy.rest().ends_with("done"));
  EXPECT_FALSE(HttpClient(server.port()).connected());
}

TEST(HttpServer, AnExchangeOutlivesItsServer) {
  std::shared_ptr<Exchange> exchange;
  {
    Running server;
    HttpClient client(server.port());
    client.send(kGet);
    exchange = server.asked.take().second;
    exchange->begin({}, "");
    client.until("\r\n\r\n");
  }
  exchange->write("nobody listens");
  exchange->end();
}

TEST(HttpServer, APortInUseIsSaid) {
  Running server;
  const auto again = [&] { HttpServer({.port = server.port()}, {}, {}); };
  EXPECT_THROW(again(), Error);
}

TEST(HttpServer, AUnixSocketIsItsOwnersAlone) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("dsa-{}.sock", ::getpid());
  {
    Running server({.host = "", .unix_socket = path.string()});
    EXPECT_EQ(server->addresses(), fmt::format("unix:{}\n", path.string()));
    EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms(077),
              std::filesystem::perms::none);
    EXPECT_THROW(HttpServer({.host = "", .unix_socket = path.string()}, {}, {}), Error);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace dsa::server
