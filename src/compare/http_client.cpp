#include "compare/http_client.h"

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "base/error.h"

namespace dsa::compare {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::size_t kMostBody = std::size_t{256} << 20;
constexpr std::chrono::milliseconds kLookAtCancel{50};

struct Cancelled {};

// One request on its way.
class Exchange {
 public:
  Exchange(const HttpAsk& ask, const std::atomic<bool>& cancel) : ask_(ask), cancel_(cancel) {}

  HttpReply run() {
    if (!ask_.url.tls) {
      beast::tcp_stream stream(io_);
      connect(stream);
      return converse(stream);
    }
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_default_verify_paths();
    tls.set_verify_mode(asio::ssl::verify_peer);
    beast::ssl_stream<beast::tcp_stream> stream(io_, tls);
    SSL_set_tlsext_host_name(stream.native_handle(), ask_.url.host.c_str());
    stream.set_verify_callback(asio::ssl::host_name_verification(ask_.url.host));
    connect(beast::get_lowest_layer(stream));
    step("TLS", beast::get_lowest_layer(stream),
         [&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, std::move(done)); });
    return converse(stream);
  }

 private:
  // Runs what `begin` starts to its end, looking at `cancel` now and then.
  template <class Begin>
  void step(const char* what, beast::tcp_stream& socket, Begin&& begin) {
    socket.expires_after(ask_.patience);
    bool over = false;
    error_code result;
    begin([&](error_code error, auto&&...) {
      result = error;
      over = true;
    });
    bool stopped = false;
    while (!over) {
      io_.restart();
      io_.run_for(kLookAtCancel);
      if (!stopped && cancel_.load(std::memory_order_relaxed)) {
        stopped = true;
        socket.cancel();
        if (socket.socket().is_open()) {
          error_code ignored;
          socket.socket().close(ignored);
        }
      }
    }
    if (stopped) throw Cancelled();
    if (result) broken(what, result);
  }

  [[noreturn]] void broken(const char* what, error_code error) const {
    fail("{}: {}: {}", ask_.url.text(), what, error.message());
  }

  void connect(beast::tcp_stream& socket) {
    asio::ip::tcp::resolver resolver(io_);
    error_code error;
    const auto found = resolver.resolve(ask_.url.host, ask_.url.port, error);
    if (error) broken("its name", error);
    step("connecting", socket, [&](auto done) { socket.async_connect(found, std::move(done)); });
    socket.socket().set_option(asio::ip::tcp::no_delay(true));
  }

  template <class Stream>
  HttpReply converse(Stream& stream) {
    auto& socket = beast::get_lowest_layer(stream);
    const Url& url = ask_.url;
    http::request<http::string_body> request(ask_.body.empty() ? http::verb::get : http::verb::post,
                                             url.path + ask_.path, 11);
    const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
    request.set(http::field::host, host + ":" + url.port);
    request.set(http::field::user_agent, "dsa");
    request.set(http::field::connection, "close");
    if (!ask_.body.empty()) request.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : ask_.headers) request.set(name, value);
    request.body() = ask_.body;
    request.prepare_payload();
    step("sending", socket, [&](auto done) { http::async_write(stream, request, std::move(done)); });

    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMostBody);
    step("its answer", socket,
         [&](auto done) { http::async_read_header(stream, buffer, parser, std::move(done)); });
    const auto& answer = parser.get();
    std::size_t told = 0;
    while (!parser.is_done()) {
      step("its answer", socket,
           [&](auto done) { http::async_read_some(stream, buffer, parser, std::move(done)); });
      if (!ask_.on_body || answer.result_int() != 200 || answer.body().size() == told) continue;
      told = answer.body().size();
      ask_.on_body(answer.body());
    }
    return {.status = static_cast<int>(answer.result_int()), .body = answer.body()};
  }

  const HttpAsk& ask_;
  const std::atomic<bool>& cancel_;
  asio::io_context io_;
};

}  // namespace

std::string Url::text() const {
  const bool six = host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}{}", tls ? "https" : "http", six ? "[" : "", host, six ? "]" : "", port,
                     path);
}

Url parse_url(std::string_view text) {
  const auto bad = [whole = std::string(text)] {
    fail("{}: is no URL, expected http://HOST:PORT/PATH or https://HOST/PATH", printable(whole, 200));
  };
  Url out;
  if (text.starts_with("https://"))
    out.tls = true;
  else if (!text.starts_with("http://"))
    bad();
  std::string_view rest = text.substr(out.tls ? 8 : 7);
  for (const char c : rest)
    if (static_cast<unsigned char>(c) <= ' ' || c == '@' || c == '?' || c == '#') bad();
  std::string_view place = rest.substr(0, rest.find('/'));
  out.path = std::string(rest.substr(place.size()));
  while (out.path.ends_with('/')) out.path.pop_back();
  std::size_t colon = place.find(':');
  if (place.starts_with('[')) {
    const std::size_t end = place.find(']');
    if (end == std::string_view::npos) bad();
    out.host = std::string(place.substr(1, end - 1));
    place.remove_prefix(end + 1);
    colon = place.empty() ? std::string_view::npos : 0;
    if (!place.empty() && place[0] != ':') bad();
  } else {
    out.host = std::string(place.substr(0, colon));
  }
  out.port =
      colon == std::string_view::npos ? (out.tls ? "443" : "80") : std::string(place.substr(colon + 1));
  const bool digits = out.port.find_first_not_of("0123456789") == std::string::npos;
  if (out.host.empty() || out.port.empty() || out.port.size() > 5 || !digits) bad();
  return out;
}

std::optional<HttpReply> ask_http(const HttpAsk& ask, const std::atomic<bool>& cancel) {
  try {
    return Exchange(ask, cancel).run();
  } catch (const Cancelled&) {
    return std::nullopt;
  }
}

}  // namespace dsa::compare
