#include "server/request_reader.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "base/error.h"

namespace dsa::server {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kBlank = "\r\n\r\n";
// A size of a chunk with its extensions, or a trailer: what the parser must see whole.
constexpr std::size_t kMaxChunkLine = 16 << 10;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

struct RequestReader::Parser {
  http::request_parser<http::string_body> request;
};

RequestReader::RequestReader(const HttpLimits& limits, ByteBudget& bodies)
    : limits_(limits),
      bodies_(bodies),
      counted_(std::make_shared<ByteBudget::Share>(bodies)),
      parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

RequestReader::State RequestReader::refuse(int status, std::string why) {
  error_ = {status, std::move(why)};
  return state_ = State::bad;
}

RequestReader::State RequestReader::push(std::string_view bytes) {
  held_ += bytes;
  return advance();
}

bool RequestReader::expects_continue() { return std::exchange(expects_continue_, false); }

// Looks at each byte once, however small the pieces are; sets state_ where it returns false.
bool RequestReader::find_end_of_headers() {
  for (; scanned_ < held_.size(); ++scanned_) {
    if (scanned_ >= limits_.header_bytes) {
      const bool one_line = held_.find('\n') >= scanned_;
      refuse(one_line ? 414 : 431, fmt::format("the headers have more than {} bytes", limits_.header_bytes));
      return false;
    }
    const char c = held_[scanned_];
    const char before = scanned_ == 0 ? '\0' : held_[scanned_ - 1];
    if (c == '\0' || (c == '\n') != (before == '\r') ||
        (scanned_ >= 2 && before == '\n' && (c == ' ' || c == '\t'))) {
      refuse(400,
             c == '\0' ? "the headers hold a NUL byte" : "a line of the headers does not end in CR LF alone");
      return false;
    }
    if (c == '\n' && scanned_ + 1 >= kBlank.size() &&
        std::string_view(held_).substr(scanned_ + 1 - kBlank.size(), kBlank.size()) == kBlank) {
      header_end_ = ++scanned_;
      break;
    }
  }
  const std::size_t line = std::min(held_.find("\r\n"), scanned_);
  if (line > limits_.request_line_bytes) {
    refuse(414, fmt::format("the request line has more than {} bytes", limits_.request_line_bytes));
    return false;
  }
  return header_end_ > 0;
}

// Where a message ends must be said once and plainly: requests are smuggled past what is not.
bool RequestReader::check_framing(std::size_t lengths, std::size_t encodings) {
  const auto& message = parser_->request.get();
  const std::string_view length = view(message[http::field::content_length]);
  const std::string_view encoding = view(message[http::field::transfer_encoding]);
  if (lengths + encodings > 1)
    refuse(
        400,
        "the length of the body is given more than once, expected one Content-Length or Transfer-Encoding");
  else if (lengths == 1 && !is_digits(length))
    refuse(400, fmt::format("Content-Length is \"{}\", expected a whole number", printable(length, 40)));
  else if (encodings == 1 && !same_name(encoding, "chunked"))
    refuse(501, fmt::format("Transfer-Encoding is \"{}\", expected chunked", printable(encoding, 40)));
  else if (encodings == 1 && message.version() < 11)
    refuse(400, "Transfer-Encoding in HTTP/1.0");
  return state_ != State::bad;
}

bool RequestReader::check_headers() {
  const auto& message = parser_->request.get();
  std::size_t count = 0, lengths = 0, encodings = 0, hosts = 0;
  for (const auto& field : message) {
    ++count;
    lengths += field.name() == http::field::content_length ? 1 : 0;
    encodings += field.name() == http::field::transfer_encoding ? 1 : 0;
    hosts += field.name() == http::field::host ? 1 : 0;
  }
  const std::string_view expect = view(message[http::field::expect]);
  const std::string_view content = view(message[http::field::content_encoding]);
  if (count > limits_.headers)
    refuse(431, fmt::format("{} headers, expected at most {}", count, limits_.headers));
  else if (hosts != 1 && message.version() >= 11)
    refuse(400, fmt::format("{} Host headers, expected one", hosts));
  else if (!expect.empty() && !same_name(expect, "100-continue"))
    refuse(417, fmt::format("Expect is \"{}\", expected 100-continue", printable(expect, 40)));
  else if (!content.empty() && !same_name(content, "identity"))
    refuse(415, fmt::format("Content-Encoding is \"{}\", expected none", printable(content, 40)));
  if (state_ == State::bad || !check_framing(lengths, encodings)) return false;
  expects_continue_ = !expect.empty() && message.version() >= 11;
  return true;
}

RequestReader::State RequestReader::advance() {
  if (state_ == State::bad || state_ == State::done) return state_;
  auto& parser = parser_->request;
  const auto give = [&](std::size_t bytes) {
    boost::beast::error_code error;
    const std::size_t taken = parser.put(boost::asio::const_buffer(held_.data(), bytes), error);
    held_.erase(0, taken);
    return std::pair(error, taken);
  };
  if (state_ != State::body) {
    // An empty line or two before a request are no part of it (RFC 9112, 2.2).
    while (scanned_ == 0 && held_.starts_with("\r\n")) held_.erase(0, 2);
    if (held_.empty() || held_ == "\r") return state_ = State::idle;
    state_ = State::headers;
    if (!find_end_of_headers()) return state_;
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes + kMaxChunkLine));
    parser.body_limit(limits_.body_bytes);
    parser.eager(false);
    const auto [error, taken] = give(header_end_);
    if (error == http::error::body_limit)
      return refuse(413, fmt::format("the body has more than {} bytes", limits_.body_bytes));
    if (error == http::error::bad_version) return refuse(505, "expected HTTP/1.1 or HTTP/1.0");
    if (error || !parser.is_header_done())
      return refuse(400,
                    fmt::format("the headers are not HTTP: {}", error ? error.message() : "they do not end"));
    if (!check_headers()) return state_;
    parser.eager(true);
    state_ = State::body;
  }
  while (!parser.is_done()) {
    if (held_.empty()) return state_;
    const auto [error, taken] = give(held_.size());
    if (error == http::error::body_limit)
      return refuse(413, fmt::format("the body has more than {} bytes", limits_.body_bytes));
    if (error && error != http::error::need_more)
      return refuse(400, fmt::format("the body is not HTTP: {}", error.message()));
    if (!counted_->grow_to(parser.get().body().size()))
      return refuse(503, "too many requests arrive at once, try again");
    if (taken == 0) {
      if (held_.size() > kMaxChunkLine) return refuse(400, "a chunk's size line or a trailer is too long");
      return state_;
    }
  }
  expects_continue_ = false;
  return state_ = State::done;
}

HttpRequest RequestReader::take() {
  DSA_CHECK(state_ == State::done);
  auto message = parser_->request.release();
  HttpRequest out;
  out.method = view(message.method_string());
  out.target = view(message.target());
  out.keep_alive = message.keep_alive();
  out.http_1_0 = message.version() < 11;
  for (const auto& field : message) out.headers.emplace_back(view(field.name_string()), view(field.value()));
  out.body = std::move(message.body());
  out.counted = std::exchange(counted_, std::make_shared<ByteBudget::Share>(bodies_));
  parser_ = std::make_unique<Parser>();
  scanned_ = header_end_ = 0;
  state_ = State::idle;
  return out;
}

}  // namespace dsa::server
