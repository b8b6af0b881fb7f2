// A client that sends any bytes and reads what comes: tests of the server's wires.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace dsa::test {

/// A connection to 127.0.0.1.  Every wait ends after ten seconds: a test that hangs is a test that fails.
class HttpClient {
 public:
  static constexpr int kPatienceMs = 10'000;

  explicit HttpClient(std::uint16_t port, int receive_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_bytes > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~HttpClient() { close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void finish_sending() const { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  /// Everything that came, once `end` is among what was not looked at before, or the server closed.
  std::string until(std::string_view end) {
    std::size_t at = std::string::npos;
    while ((at = got_.find(end)) == std::string::npos && receive()) {
    }
    if (at == std::string::npos) return take(got_.size());
    return take(at + end.size());
  }
  /// What comes until the server closes.
  std::string rest() {
    while (receive()) {
    }
    return take(got_.size());
  }
  [[nodiscard]] bool closed() const { return closed_; }
  /// A whole answer of a known length: headers and body.
  std::string answer() {
    std::string head = until("\r\n\r\n");
    const auto at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    const std::size_t length = std::stoul(head.substr(at + 16));
    while (got_.size() < length && receive()) {
    }
    return head + take(length);
  }

 private:
  bool receive() {
    pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
    if (closed_ || ::poll(&ready, 1, kPatienceMs) <= 0) return false;
    char buffer[4096];
    const auto n = ::recv(socket_, buffer, sizeof buffer, 0);
    closed_ = n <= 0;
    if (n > 0) got_.append(buffer, static_cast<std::size_t>(n));
    return !closed_;
  }
  std::string take(std::size_t bytes) {
    std::string out = got_.substr(0, bytes);
    got_.erase(0, out.size());
    return out;
  }

  int socket_;
  bool connected_ = false;
  bool closed_ = false;
  std::string got_;
};

}  // namespace dsa::test
