#include "server/connection.h"

#include <fmt/chrono.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/error.h"

namespace dsa::server {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 8 << 10;
constexpr std::size_t kMostWaiting = 64 << 10;  // bytes read ahead of what is looked at
constexpr std::chrono::seconds kLinger{1};

// "HTTP/1.1 200 OK" and the headers, with the blank line.
std::string head_text(const HttpAnswer& answer, bool stream, const HttpRequest& asked, bool keep_alive) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\nDate: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", answer.status,
                                reason_phrase(answer.status), fmt::gmtime(std::time(nullptr)));
  const bool empty = answer.status == 204 || answer.status == 304;  // whatever it would be the answer to
  if (!empty) out += fmt::format("Content-Type: {}\r\n", answer.type);
  for (const auto& [name, value] : answer.headers) out += fmt::format("{}: {}\r\n", name, value);
  if (!stream && !empty) out += fmt::format("Content-Length: {}\r\n", answer.body.size());
  if (stream && !asked.http_1_0) out += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive || asked.http_1_0)
    out += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  return out + "\r\n";
}

std::string chunk(const std::string& text, bool framed) {
  return framed && !text.empty() ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : text;
}

}  // namespace

Wire::Wire(Socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

asio::awaitable<bool> Wire::handshake() {
  if (!tls_) co_return true;
  const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kTuple);
  co_return !error;
}

asio::awaitable<Wire::Result> Wire::read_some(asio::mutable_buffer into) {
  if (tls_) co_return co_await tls_->async_read_some(into, kTuple);
  co_return co_await socket_.async_read_some(into, kTuple);
}

asio::awaitable<Wire::Result> Wire::write(std::string_view text) {
  const asio::const_buffer from(text.data(), text.size());
  if (tls_) co_return co_await asio::async_write(*tls_, from, kTuple);
  co_return co_await asio::async_write(socket_, from, kTuple);
}

asio::awaitable<void> Wire::shut_down() {
  error_code ignored;
  if (tls_) co_await tls_->async_shutdown(kTuple);
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void Wire::close() {
  error_code ignored;
  socket_.close(ignored);
}

Connection::Connection(asio::io_context& context, ConnectionHost& host, Wire::Socket socket,
                       asio::ssl::context* tls, std::string peer)
    : context_(context),
      host_(host),
      wire_(std::move(socket), tls),
      peer_(std::move(peer)),
      reader_(host.limits(), host.bodies()),
      signal_(context),
      room_(context),
      stall_(context) {}

// Whoever still answers must not wake what is no more.
Connection::~Connection() {
  if (exchange_) exchange_->detach();
}

void Connection::start() {
  asio::co_spawn(
      context_, [self = shared_from_this()] { return self->serve(); }, asio::detached);
}

void Connection::start_refusing(int status, std::string why) {
  asio::co_spawn(
      context_,
      [self = shared_from_this(), status, why = std::move(why)] { return self->refuse_all(status, why); },
      asio::detached);
}

void Connection::wake() {
  signalled_ = true;
  signal_.cancel();
  // serve() may hang in a write that such a client will never take.
  if (exchange_ && exchange_->dropped()) wire_.close();
}

void Connection::close() {
  wire_.close();
  room_.cancel();
  wake();
}

// True: something happened; false: the deadline passed.
Connection::Flag Connection::wait_until(Clock::time_point deadline) {
  if (!signalled_) {
    signal_.expires_at(deadline);
    co_await signal_.async_wait(kTuple);
  }
  co_return std::exchange(signalled_, false);
}

asio::awaitable<void> Connection::read_all() {
  std::array<char, kReadBytes> buffer{};
  for (;;) {
    while (in_.size() >= kMostWaiting && !discards_) {
      room_.expires_at(Clock::time_point::max());
      co_await room_.async_wait(kTuple);
    }
    const auto [error, n] = co_await wire_.read_some(asio::buffer(buffer));
    if (error) break;
    if (discards_) continue;
    in_.append(buffer.data(), n);
    wake();
  }
  ended_ = true;
  if (exchange_) exchange_->vanish();
  wake();
}

Connection::Flag Connection::write(std::string text) {
  stall_.expires_after(host_.limits().stall_time);
  stall_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->wire_.close();
  });
  const auto [error, n] = co_await wire_.write(text);
  stall_.cancel();
  co_return !error;
}

// `why` must outlive the coroutine.
Connection::Flag Connection::send_refusal(int status, const std::string& why) {
  refused_ = true;
  const HttpAnswer answer = host_.refusal(status, why);
  const std::string head = head_text(answer, /*stream=*/false, {}, /*keep_alive=*/false);
  co_return co_await write(head + answer.body);
}

// A request is complete; false: there is none to come.
Connection::Flag Connection::receive() {
  const HttpLimits& limits = host_.limits();
  const auto idle_since = Clock::now();
  std::optional<Clock::time_point> begun;
  for (;;) {
    const auto state = reader_.push(std::exchange(in_, {}));
    room_.cancel();
    auto deadline = idle_since + limits.idle_time;
    if (state == RequestReader::State::done) co_return true;
    if (state == RequestReader::State::bad) {
      co_await send_refusal(reader_.error().status, reader_.error().why);
      co_return false;
    }
    if (state == RequestReader::State::idle) {
      if (!host_.accepting()) co_return false;
    } else {
      if (!begun) begun = Clock::now();
      const bool in_headers = state == RequestReader::State::headers;
      deadline = *begun + (in_headers ? limits.header_time : limits.total_time);
    }
    if (ended_) co_return false;
    if (reader_.expects_continue()) {
      const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return false;
    }
    const bool happened = co_await wait_until(deadline);
    if (happened || !begun) {
      if (!happened) co_return false;
      continue;
    }
    const std::string why = "the request did not arrive in time";
    co_await send_refusal(408, why);
    co_return false;
  }
}

// Sends what the handler says, until its end.  False: the connection is of no more use.
Connection::Flag Connection::stream_out(Exchange& exchange, const HttpRequest& asked) {
  const bool keep_alive = asked.keep_alive && host_.accepting();
  bool framed = false;
  bool began = false;
  for (;;) {
    Exchange::Output out = exchange.take();
    std::string text;
    const bool keeps = keep_alive && !(out.stream && asked.http_1_0);
    if (out.head) {
      framed = out.stream && !asked.http_1_0;
      began = out.stream;
      text = head_text(*out.head, out.stream, asked, keeps);
      if (!out.stream && asked.method != "HEAD") text += out.head->body;
    }
    text += chunk(out.text, framed);
    if (out.dropped) co_return false;
    if (out.end && framed) text += "0\r\n\r\n";
    if (!text.empty()) {
      const bool sent = co_await write(std::move(text));
      if (!sent) co_return false;
    }
    if (out.end) co_return keeps;
    const bool happened = co_await wait_until(Clock::now() + host_.keep_alive_every());
    if (happened || !began) continue;
    const bool sent = co_await write(chunk(exchange.keep_alive(), framed));
    if (!sent) co_return false;
  }
}

Connection::Flag Connection::answer() {
  HttpRequest request = reader_.take();
  request.peer = peer_;
  const HttpRequest asked{
      .method = request.method, .keep_alive = request.keep_alive, .http_1_0 = request.http_1_0};
  if (!host_.enter(peer_)) {
    const std::string why = "too many requests of this client are being answered";
    co_await send_refusal(429, why);
    co_return false;
  }
  const auto exchange = std::make_shared<Exchange>(host_.limits().unread_bytes);
  exchange->set_wake([this, weak = weak_from_this()] {
    asio::post(context_, [weak] {
      if (const auto self = weak.lock()) self->wake();
    });
  });
  exchange_ = exchange;
  if (ended_) exchange->vanish();
  host_.handle(std::move(request), exchange);
  const bool again = co_await stream_out(*exchange, asked);
  exchange->vanish();
  exchange->detach();
  exchange_ = nullptr;
  host_.left(peer_);
  co_return again;
}

// Closing a socket that holds unread bytes would destroy what the client has not read yet.
asio::awaitable<void> Connection::linger() {
  discards_ = true;
  in_ = {};
  room_.cancel();
  stall_.expires_after(kLinger);
  stall_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->wire_.close();
  });
  co_await wire_.shut_down();
  const auto deadline = Clock::now() + kLinger;
  while (!ended_ && Clock::now() < deadline) co_await wait_until(deadline);
  stall_.cancel();
  wire_.close();
}

asio::awaitable<void> Connection::serve() {
  stall_.expires_after(host_.limits().header_time);
  stall_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled) self->wire_.close();
  });
  const bool open = co_await wire_.handshake();
  stall_.cancel();
  if (open) {
    asio::co_spawn(
        context_, [self = shared_from_this()] { return self->read_all(); }, asio::detached);
    for (bool again = true; again;) {
      again = co_await receive();
      if (again) again = co_await answer();
    }
    if (refused_ || reader_.held() > 0 || !in_.empty()) co_await linger();
  }
  close();
  host_.closed(this);
}

asio::awaitable<void> Connection::refuse_all(int status, std::string why) {
  asio::co_spawn(
      context_, [self = shared_from_this()] { return self->read_all(); }, asio::detached);
  discards_ = true;
  co_await send_refusal(status, why);
  co_await linger();
  host_.closed(this);
}

}  // namespace dsa::server
