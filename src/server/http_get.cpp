#include "server/http_get.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <exception>
#include <optional>

#include "base/error.h"

namespace dsa::server {
namespace {

namespace net = boost::asio;

struct ServerPlace {
  enum class Kind : std::uint8_t { plain, tls, local } kind = Kind::plain;
  std::string host;  // or the path of a socket
  std::string port;
};

ServerPlace place_of_url(const std::string& url) {
  constexpr std::string_view kLocal = "unix:", kHttp = "http://", kHttps = "https://";
  if (url.starts_with(kLocal)) return {ServerPlace::Kind::local, url.substr(kLocal.size()), ""};
  const bool tls = url.starts_with(kHttps);
  if (!tls && !url.starts_with(kHttp))
    fail("{}: expected http://HOST:PORT, https://HOST:PORT or unix:PATH", printable(url, 200));
  std::string rest = url.substr(tls ? kHttps.size() : kHttp.size());
  rest = rest.substr(0, rest.find('/'));
  const auto bracket = rest.find(']');  // of [::1]:8000
  const auto colon = rest.find(':', bracket == std::string::npos ? 0 : bracket);
  ServerPlace out{tls ? ServerPlace::Kind::tls : ServerPlace::Kind::plain, rest.substr(0, colon),
                  colon == std::string::npos ? (tls ? "443" : "80") : rest.substr(colon + 1)};
  if (bracket != std::string::npos) out.host = out.host.substr(1, bracket - 1);
  if (out.host.empty() || out.port.empty()) fail("{}: names no server", printable(url, 200));
  return out;
}

// HTTP/1.0: the answer ends where the connection does.
template <class Stream>
net::awaitable<std::string> ask_stream(Stream& stream, const std::string& request) {
  co_await net::async_write(stream, net::buffer(request), net::use_awaitable);
  std::string answer;
  boost::system::error_code end;
  co_await net::async_read(stream, net::dynamic_buffer(answer), net::redirect_error(net::use_awaitable, end));
  co_return answer;
}

net::awaitable<std::string> ask_server(const ServerPlace& place, const std::string& request) {
  const auto executor = co_await net::this_coro::executor;
  if (place.kind == ServerPlace::Kind::local) {
    net::local::stream_protocol::socket socket(executor);
    const net::local::stream_protocol::endpoint to(place.host);
    co_await socket.async_connect(to, net::use_awaitable);
    co_return co_await ask_stream(socket, request);
  }
  net::ip::tcp::resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(place.host, place.port, net::use_awaitable);
  net::ip::tcp::socket socket(executor);
  co_await net::async_connect(socket, found, net::use_awaitable);
  if (place.kind == ServerPlace::Kind::plain) co_return co_await ask_stream(socket, request);
  net::ssl::context tls(net::ssl::context::tls_client);
  tls.set_default_verify_paths();
  net::ssl::stream<net::ip::tcp::socket> stream(std::move(socket), tls);
  stream.set_verify_mode(net::ssl::verify_peer);
  stream.set_verify_callback(net::ssl::host_name_verification(place.host));
  SSL_set_tlsext_host_name(stream.native_handle(), place.host.c_str());
  co_await stream.async_handshake(net::ssl::stream_base::client, net::use_awaitable);
  co_return co_await ask_stream(stream, request);
}

HttpReply reply_of(const std::string& answer, const std::string& server) {
  HttpReply out;
  const auto space = answer.find(' '), end = answer.find("\r\n\r\n");
  if (answer.starts_with("HTTP/") && space != std::string::npos && end != std::string::npos)
    std::from_chars(answer.data() + space + 1, answer.data() + answer.size(), out.status);
  if (out.status == 0) fail("{}: does not speak HTTP", printable(server, 200));
  out.body = answer.substr(end + 4);
  return out;
}

}  // namespace

HttpReply http_get(const std::string& server, const std::string& path, const std::string& key,
                   std::chrono::seconds patience) {
  const ServerPlace place = place_of_url(server);
  if (key.find_first_of("\r\n") != std::string::npos) fail("the key holds the end of a line");
  const std::string host = place.kind == ServerPlace::Kind::local ? "localhost" : place.host;
  std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\n", path, host);
  if (!key.empty()) request += fmt::format("Authorization: Bearer {}\r\n", key);
  request += "\r\n";
  net::io_context context(1);
  std::optional<std::string> answer;
  std::exception_ptr why;
  net::co_spawn(context, ask_server(place, request), [&](std::exception_ptr error, std::string text) {
    why = error;
    if (!error) answer = std::move(text);
  });
  context.run_for(patience);
  try {
    if (why) std::rethrow_exception(why);
  } catch (const boost::system::system_error& error) {
    fail("{}: {}: is a server running there?", printable(server, 200), error.code().message());
  }
  if (!answer) fail("{}: no answer within {} seconds", printable(server, 200), patience.count());
  return reply_of(*answer, server);
}

}  // namespace dsa::server
