// A client of the routes, without sockets.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/routes.h"

namespace dsa::test {

using server::Exchange;
using server::HttpAnswer;

struct Got {
  HttpAnswer head;
  std::string text;  // of a stream
  [[nodiscard]] nlohmann::json body() const { return nlohmann::json::parse(head.body); }
  /// The data of its events, without the last: [DONE].
  [[nodiscard]] std::vector<nlohmann::json> events() const {
    std::vector<nlohmann::json> out;
    std::size_t at = 0;
    for (std::size_t end; (end = text.find("\n\n", at)) != std::string::npos; at = end + 2) {
      const std::string line = text.substr(at, end - at);
      if (line != "data: [DONE]") out.push_back(nlohmann::json::parse(line.substr(6)));
    }
    return out;
  }
};

/// What a connection does, in the test's own thread.
class Client {
 public:
  Client(server::Api& api, server::HttpRequest request) : exchange(std::make_shared<Exchange>(1 << 20)) {
    exchange->set_wake([this] {
      const std::scoped_lock lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    });
    if (request.header("Host").empty()) request.headers.emplace_back("Host", "localhost:8000");
    api.handle(std::move(request), exchange);
  }
  ~Client() { exchange->detach(); }
  /// Whatever came; false after ten seconds of nothing.
  bool more() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return woken_; })) return false;
    woken_ = false;
    lock.unlock();
    Exchange::Output out = exchange->take();
    if (out.head) got.head = std::move(*out.head);
    got.text += out.text;
    ended = out.end;
    return true;
  }
  Got all() {
    while (!ended && more()) {
    }
    EXPECT_TRUE(ended);
    return got;
  }

  std::shared_ptr<Exchange> exchange;
  Got got;
  bool ended = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

}  // namespace dsa::test
