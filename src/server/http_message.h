// What HTTP carries, without any of its wires.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsa::server {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = {};  // "GET", in capitals as it came
  std::string target = {};  // path and query, as they came but for `prefix`
  std::string prefix = {};  // "/v3.1": what another model's path began with (versions.h)
  HttpHeaders headers = {};
  std::string body = {};
  bool keep_alive = true;
  bool http_1_0 = false;
  std::string peer = {};               // the client's address; "unix" for a socket of this machine
  std::string model = {};              // that answers, whichever the body names; "": the body's
  std::shared_ptr<void> counted = {};  // while it lives its body counts among those in memory

  /// The first header of that name, whatever its capitals; "" if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// The target up to '?'.
  [[nodiscard]] std::string_view path() const;
  /// The value of NAME=VALUE behind the '?'; "" if there is none.  Nothing is decoded.
  [[nodiscard]] std::string_view query(std::string_view name) const;
};

struct HttpAnswer {
  int status = 200;
  std::string body = {};
  std::string type = "application/json";
  HttpHeaders headers = {};
};

/// What a client may use up.  Each is enforced at its value: one more is refused.
struct HttpLimits {
  std::size_t request_line_bytes = 8 << 10;       // 414
  std::size_t header_bytes = 32 << 10;            // with the request line; 431
  std::size_t headers = 100;                      // 431
  std::size_t body_bytes = 32 << 20;              // 413
  std::size_t all_bodies_bytes = 256 << 20;       // of requests that arrive or are about to be handled; 503
  std::size_t unread_bytes = 1 << 20;             // written, and not taken by the client: it is dropped
  std::size_t connections = 4096;                 // 503
  std::size_t running_per_client = 1024;          // requests of one address being answered; 429
  std::chrono::milliseconds header_time{10'000};  // from the first byte to the end of the headers; 408
  std::chrono::milliseconds total_time{60'000};   // from the first byte to the end of the body; 408
  std::chrono::milliseconds idle_time{60'000};    // between requests: closed
  std::chrono::milliseconds stall_time{30'000};   // one write that the client does not take: dropped
};

/// "Not Found".
std::string_view reason_phrase(int status);

/// True if the two are equal but for the capitals of ASCII letters.
bool same_name(std::string_view a, std::string_view b);

/// "%2F" is "/"; false if a '%' is not followed by two hexadecimal digits.
bool percent_decode(std::string_view text, std::string& out);

}  // namespace dsa::server
