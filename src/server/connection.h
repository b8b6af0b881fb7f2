// Of http_server.cpp alone: one connection.  (Asio's headers take long to compile: nothing else includes
// this.)
#pragma once

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "server/exchange.h"
#include "server/request_reader.h"

namespace dsa::server {

/// What a coroutine waits for gives its error back beside the result; nothing is thrown.
inline constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

/// A socket, in the clear or under TLS.
class Wire {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Result = std::tuple<boost::system::error_code, std::size_t>;

  /// `tls` null: in the clear.
  Wire(Socket socket, boost::asio::ssl::context* tls);
  boost::asio::awaitable<bool> handshake();
  boost::asio::awaitable<Result> read_some(boost::asio::mutable_buffer into);
  boost::asio::awaitable<Result> write(std::string_view text);
  boost::asio::awaitable<void> shut_down();  // nothing more is written
  void close();

 private:
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

class Connection;

/// What a connection needs of its server.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  [[nodiscard]] virtual const HttpLimits& limits() const = 0;
  [[nodiscard]] virtual ByteBudget& bodies() = 0;
  [[nodiscard]] virtual std::chrono::milliseconds keep_alive_every() const = 0;
  [[nodiscard]] virtual bool accepting() const = 0;
  [[nodiscard]] virtual HttpAnswer refusal(int status, const std::string& why) const = 0;
  /// False if the client has too many already; else left() follows.
  virtual bool enter(const std::string& peer) = 0;
  virtual void left(const std::string& peer) = 0;
  virtual void handle(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) = 0;
  virtual void closed(Connection* connection) = 0;
};

/// Reads requests and sends answers, one after the other; notices at any time that the client has gone.
/// All on the server's thread; only an Exchange is touched by others.  (No braces among what is given to a
/// coroutine: g++ 12 destroys such a temporary twice.)
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::io_context& context, ConnectionHost& host, Wire::Socket socket,
             boost::asio::ssl::context* tls, std::string peer);
  ~Connection();

  void start();
  /// Says `status` and closes: there are too many connections.
  void start_refusing(int status, std::string why);
  /// Something may have changed: bytes arrived, the answer went on, the server stops.
  void wake();
  void close();

 private:
  using Clock = std::chrono::steady_clock;
  using Flag = boost::asio::awaitable<bool>;

  boost::asio::awaitable<void> read_all();
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<void> refuse_all(int status, std::string why);
  Flag receive();
  Flag answer();
  Flag stream_out(Exchange& exchange, const HttpRequest& asked);
  Flag send_refusal(int status, const std::string& why);
  Flag write(std::string text);
  Flag wait_until(Clock::time_point deadline);
  boost::asio::awaitable<void> linger();

  boost::asio::io_context& context_;
  ConnectionHost& host_;
  Wire wire_;
  std::string peer_;
  RequestReader reader_;
  std::string in_;         // read, and not given to reader_
  bool ended_ = false;     // the client sends nothing more
  bool discards_ = false;  // what it sends is not looked at
  bool refused_ = false;   // it may still be sending what nobody reads
  bool signalled_ = false;
  boost::asio::steady_timer signal_;  // wakes serve()
  boost::asio::steady_timer room_;    // wakes read_all()
  boost::asio::steady_timer stall_;   // of a write
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace dsa::server
