// The wires: sockets, threads and time.  Knows nothing of models, and of HTTP only what ends a message.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

#include "server/exchange.h"
#include "server/http_message.h"

namespace dsa::server {

struct HttpSettings {
  std::string host = "127.0.0.1";  // "": no TCP
  std::uint16_t port = 8000;       // 0: one that is free
  std::string unix_socket = {};    // path; "": none.  Only its owner may use it
  std::string tls_cert = {};       // PEM with the chain; "": no TLS.  For TCP alone
  std::string tls_key = {};
  int handlers = 2;                                  // threads that handle requests
  std::chrono::milliseconds keep_alive_every{5000};  // of silence in a stream
  HttpLimits limits = {};
};

/// Owns the listening sockets, all connections, and the threads that handle requests.
class HttpServer {
 public:
  /// Called on one of a few threads that do nothing else; may throw, which is answered with 500.
  using Handler = std::function<void(HttpRequest&&, const std::shared_ptr<Exchange>&)>;
  /// The answer to what never gets to a handler.
  using Refusal = std::function<HttpAnswer(int status, const std::string& why)>;

  /// Listens from here on; throws Error.
  HttpServer(const HttpSettings& settings, Handler handler, Refusal refusal);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Where it listens: "http://127.0.0.1:8000", "unix:/run/dsa.sock", one a line.
  [[nodiscard]] const std::string& addresses() const;
  [[nodiscard]] std::uint16_t port() const;  // 0: no TCP

  /// Serves until stop(); on the thread that calls it.
  void run();

  // From any thread.

  /// No more connections, no more requests on those there are: each closes behind the answer that it waits
  /// for.
  void stop_accepting();
  /// run() returns, once what is written has been sent, but within half a second.
  void stop();
  /// Certificate and key are read again; throws Error, and the old ones stay.
  void reload_tls();
  [[nodiscard]] std::int64_t connections() const;
  [[nodiscard]] std::int64_t running() const;  // requests being answered

  // Before or within run(); what is given is called on its thread.

  void on_signal(std::initializer_list<int> signals, std::function<void(int)> then);
  void after(std::chrono::milliseconds delay, std::function<void()> then);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dsa::server
