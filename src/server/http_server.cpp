#include "server/http_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/numeric.h"
#include "server/connection.h"
#include "server/tls_context.h"

namespace dsa::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kLastWords{500};

}  // namespace

struct HttpServer::Impl : ConnectionHost {
  Impl(HttpSettings given, Handler handle_, Refusal refuse_)
      : settings(std::move(given)),
        bodies_in_memory(settings.limits.all_bodies_bytes),
        handler(std::move(handle_)),
        refuse(std::move(refuse_)),
        tcp_listener(context),
        unix_listener(context),
        last_words(context),
        workers(usize(settings.handlers)) {}

  void listen_tcp();
  void listen_unix();
  template <class Listener>
  asio::awaitable<void> accept_all(Listener& listener, bool with_tls);
  template <class Socket>
  void take(Socket socket, std::string peer, bool with_tls);

  const HttpLimits& limits() const override { return settings.limits; }
  ByteBudget& bodies() override { return bodies_in_memory; }
  std::chrono::milliseconds keep_alive_every() const override { return settings.keep_alive_every; }
  bool accepting() const override { return open; }
  HttpAnswer refusal(int status, const std::string& why) const override { return refuse(status, why); }
  bool enter(const std::string& peer) override;
  void left(const std::string& peer) override;
  void handle(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) override;
  void closed(Connection* connection) override;
  void close_listeners();
  void finish();

  HttpSettings settings;
  ByteBudget bodies_in_memory;
  Handler handler;
  Refusal refuse;
  asio::io_context context{1};  // one thread runs it
  tcp::acceptor tcp_listener;
  stream_protocol::acceptor unix_listener;
  asio::steady_timer last_words;
  std::shared_ptr<asio::ssl::context> tls;
  std::mutex tls_mutex;
  std::uint16_t tcp_port = 0;
  std::string addresses;
  bool open = true;
  bool stopping = false;
  std::set<Connection*> connections;  // each keeps itself alive
  std::map<std::string, std::size_t> running_of;
  std::atomic<std::int64_t> connection_count{0};
  std::atomic<std::int64_t> running_count{0};
  std::vector<std::unique_ptr<asio::signal_set>> signals;
  asio::thread_pool workers;
};

void HttpServer::Impl::listen_tcp() {
  if (settings.host.empty()) return;
  const auto fault = [&](const error_code& error) {
    fail("{} port {}: {}: another server may be listening there; choose another `host` or `port`",
         printable(settings.host), settings.port, error.message());
  };
  error_code error;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(settings.host, std::to_string(settings.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) fault(error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp_listener.open(endpoint.protocol(), error);
  if (!error) tcp_listener.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) tcp_listener.bind(endpoint, error);
  if (!error) tcp_listener.listen(asio::socket_base::max_listen_connections, error);
  if (error) fault(error);
  tcp_port = tcp_listener.local_endpoint().port();
  const std::string address = endpoint.address().to_string();
  addresses += fmt::format("{}://{}:{}\n", tls ? "https" : "http",
                           endpoint.address().is_v6() ? "[" + address + "]" : address, tcp_port);
  asio::co_spawn(context, accept_all(tcp_listener, tls != nullptr), asio::detached);
}

// A socket file that nobody listens at any more is replaced; one that somebody does is not taken from him.
void HttpServer::Impl::listen_unix() {
  if (settings.unix_socket.empty()) return;
  const std::string& path = settings.unix_socket;
  error_code error;
  struct stat file {};
  if (::lstat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode)) {
    stream_protocol::socket probe(context);
    probe.connect(stream_protocol::endpoint(path), error);
    if (!error) fail("{}: another server listens there: choose another `unix_socket`", printable(path));
    ::unlink(path.c_str());
    error.clear();
  }
  unix_listener.open(stream_protocol(), error);
  const mode_t before = ::umask(0077);
  if (!error) unix_listener.bind(stream_protocol::endpoint(path), error);
  ::umask(before);
  if (!error) unix_listener.listen(asio::socket_base::max_listen_connections, error);
  if (error) fail("{}: {}: choose another `unix_socket`", printable(path), error.message());
  addresses += fmt::format("unix:{}\n", path);
  asio::co_spawn(context, accept_all(unix_listener, false), asio::detached);
}

template <class Listener>
asio::awaitable<void> HttpServer::Impl::accept_all(Listener& listener, bool with_tls) {
  asio::steady_timer pause(context);
  while (listener.is_open()) {
    typename Listener::protocol_type::endpoint from;
    auto [error, socket] = co_await listener.async_accept(from, kTuple);
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) break;
    if (error) {  // no descriptors left, say: trying at once would spin
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kTuple);
      continue;
    }
    error_code ignored;
    if constexpr (std::is_same_v<Listener, tcp::acceptor>) {
      socket.set_option(tcp::no_delay(true), ignored);
      take(std::move(socket), from.address().to_string(), with_tls);
    } else {
      take(std::move(socket), "unix", with_tls);
    }
  }
}

template <class Socket>
void HttpServer::Impl::take(Socket socket, std::string peer, bool with_tls) {
  asio::ssl::context* secure = nullptr;
  std::shared_ptr<asio::ssl::context> kept;
  if (with_tls) {
    const std::scoped_lock lock(tls_mutex);
    kept = tls;
    secure = kept.get();
  }
  const auto connection =
      std::make_shared<Connection>(context, *this, Wire::Socket(std::move(socket)), secure, std::move(peer));
  const bool full = connections.size() >= settings.limits.connections;
  connections.insert(connection.get());
  connection_count = static_cast<std::int64_t>(connections.size());
  if (full)
    connection->start_refusing(503, "too many connections are open");
  else
    connection->start();
}

bool HttpServer::Impl::enter(const std::string& peer) {
  std::size_t& running = running_of[peer];
  if (running >= settings.limits.running_per_client) return false;
  ++running;
  ++running_count;
  return true;
}

void HttpServer::Impl::left(const std::string& peer) {
  const auto found = running_of.find(peer);
  DSA_CHECK(found != running_of.end());
  if (--found->second == 0) running_of.erase(found);
  --running_count;
}

void HttpServer::Impl::handle(HttpRequest&& request, const std::shared_ptr<Exchange>& exchange) {
  asio::post(workers, [this, exchange, request = std::move(request)]() mutable {
    try {
      handler(std::move(request), exchange);
    } catch (const std::exception& error) {
      warn("server: {}", printable(error.what(), 400));
      exchange->send(refuse(500, "the server failed at this request"));
      exchange->end();
    }
  });
}

void HttpServer::Impl::closed(Connection* connection) {
  connections.erase(connection);
  connection_count = static_cast<std::int64_t>(connections.size());
  if (stopping && connections.empty()) context.stop();
}

void HttpServer::Impl::close_listeners() {
  open = false;
  error_code ignored;
  tcp_listener.close(ignored);
  if (unix_listener.is_open()) {
    unix_listener.close(ignored);
    ::unlink(settings.unix_socket.c_str());
  }
  for (Connection* connection : connections) connection->wake();
}

// What was written is on its way; then every connection is closed.
void HttpServer::Impl::finish() {
  close_listeners();
  stopping = true;
  if (connections.empty()) return context.stop();
  last_words.expires_after(kLastWords);
  last_words.async_wait([this](error_code) { context.stop(); });
}

HttpServer::HttpServer(const HttpSettings& settings, Handler handler, Refusal refusal)
    : impl_(std::make_unique<Impl>(settings, std::move(handler), std::move(refusal))) {
  if (!settings.tls_cert.empty() || !settings.tls_key.empty())
    impl_->tls = make_tls_context(settings.tls_cert, settings.tls_key);
  impl_->listen_tcp();
  impl_->listen_unix();
  if (impl_->addresses.empty()) fail("server: neither a `host` nor a `unix_socket` to listen at");
}

// Handlers first: they hold exchanges that wake connections.
HttpServer::~HttpServer() {
  impl_->workers.stop();
  impl_->workers.join();
  impl_->close_listeners();
}

const std::string& HttpServer::addresses() const { return impl_->addresses; }
std::uint16_t HttpServer::port() const { return impl_->tcp_port; }
void HttpServer::run() { impl_->context.run(); }
std::int64_t HttpServer::connections() const { return impl_->connection_count; }
std::int64_t HttpServer::running() const { return impl_->running_count; }

void HttpServer::stop_accepting() {
  asio::post(impl_->context, [impl = impl_.get()] { impl->close_listeners(); });
}

void HttpServer::stop() {
  asio::post(impl_->context, [impl = impl_.get()] { impl->finish(); });
}

void HttpServer::reload_tls() {
  if (!impl_->tls) return;
  auto fresh = make_tls_context(impl_->settings.tls_cert, impl_->settings.tls_key);
  const std::scoped_lock lock(impl_->tls_mutex);
  impl_->tls = std::move(fresh);
}

void HttpServer::on_signal(std::initializer_list<int> signals, std::function<void(int)> then) {
  auto& set = *impl_->signals.emplace_back(std::make_unique<asio::signal_set>(impl_->context));
  for (const int signal : signals) set.add(signal);
  const auto again = std::make_shared<std::function<void()>>();
  *again = [&set, again = std::weak_ptr(again), then = std::move(then)] {
    set.async_wait([kept = again.lock(), then](const error_code& error, int signal) {
      if (error) return;
      then(signal);
      (*kept)();
    });
  };
  (*again)();
}

void HttpServer::after(std::chrono::milliseconds delay, std::function<void()> then) {
  const auto timer = std::make_shared<asio::steady_timer>(impl_->context, delay);
  timer->async_wait([timer, then = std::move(then)](const error_code& error) {
    if (!error) then();
  });
}

}  // namespace dsa::server
