// Bytes to HTTP requests.  Knows no sockets: what arrives is pushed in, in any pieces.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/byte_budget.h"
#include "server/http_message.h"

namespace dsa::server {

/// Why a request cannot be read: what is answered before the connection is closed.
struct BadRequest {
  int status = 400;
  std::string why;
};

/// Reads one request after the other.  Stricter than HTTP demands wherever two readers could understand the
/// same bytes differently: a bare line feed, a folded header, two lengths, a length beside a transfer
/// encoding are refused.  One thread at a time.
class RequestReader {
 public:
  /// `bodies`, which must outlive all requests, bounds what all readers hold together.
  RequestReader(const HttpLimits& limits, ByteBudget& bodies);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  enum class State : std::uint8_t {
    idle,     // nothing of the next request is there
    headers,  // its headers are not complete
    body,     // they are, its body is not
    done,     // take() it
    bad,      // see error()
  };
  /// More bytes.  What belongs to the next request is kept for it.
  State push(std::string_view bytes);
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const BadRequest& error() const { return error_; }
  /// The client waits to be told that it may send the body ("Expect: 100-continue").  True once.
  bool expects_continue();
  /// The request; the reader goes on with the next one, of which some bytes may be there already.
  HttpRequest take();
  /// Bytes that are kept for the next request.
  [[nodiscard]] std::size_t held() const { return held_.size(); }

 private:
  struct Parser;
  State advance();
  State refuse(int status, std::string why);
  [[nodiscard]] bool find_end_of_headers();
  [[nodiscard]] bool check_headers();
  [[nodiscard]] bool check_framing(std::size_t lengths, std::size_t encodings);

  HttpLimits limits_;
  ByteBudget& bodies_;
  std::shared_ptr<ByteBudget::Share> counted_;  // of the request that arrives
  State state_ = State::idle;
  BadRequest error_;
  std::string held_;            // not given to the parser
  std::size_t scanned_ = 0;     // of held_, in headers
  std::size_t header_end_ = 0;  // of held_, once found
  bool expects_continue_ = false;
  std::unique_ptr<Parser> parser_;
};

}  // namespace dsa::server
