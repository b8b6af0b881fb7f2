#include "server/request_reader.h"

#include <gtest/gtest.h>

namespace dsa::server {
namespace {

using State = RequestReader::State;

// The status that is answered; 0: a whole request; -1: more is waited for.
int status_of(const std::string& bytes, const HttpLimits& limits = {}) {
  ByteBudget bodies(limits.all_bodies_bytes);
  RequestReader reader(limits, bodies);
  const State state = reader.push(bytes);
  if (state == State::bad) return reader.error().status;
  return state == State::done ? 0 : -1;
}

std::string post(const std::string& headers, const std::string& body = "") {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body;
}
std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

TEST(RequestReader, OneRequestAfterTheOtherInPiecesOfAnySize) {
  const std::string bytes =
      post("Content-Length: 5\r\nX-Name:  value \r\n", "hello") +
      post("transfer-encoding: Chunked\r\n", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n") + "\r\n" +
      get("/a?b=c&d=e");
  for (std::size_t piece = 1; piece <= bytes.size(); piece += piece < 40 ? 1 : 37) {
    ByteBudget bodies(100);
    RequestReader reader({}, bodies);
    std::vector<HttpRequest> got;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      State state = reader.push(std::string_view(bytes).substr(at, piece));
      while (state == State::done) {
        got.push_back(reader.take());
        state = reader.push("");
      }
      ASSERT_NE(state, State::bad) << reader.error().why;
    }
    ASSERT_EQ(got.size(), 3U) << "pieces of " << piece;
    EXPECT_EQ(got[0].method, "POST");
    EXPECT_EQ(got[0].body, "hello");
    EXPECT_EQ(got[0].header("x-NAME"), "value");
    EXPECT_TRUE(got[0].keep_alive);
    EXPECT_EQ(got[1].body, "abcde");
    EXPECT_EQ(got[2].path(), "/a");
    EXPECT_EQ(got[2].query("d"), "e");
    EXPECT_EQ(got[2].query("x"), "");
  }
}

TEST(RequestReader, WhatTwoReadersCouldUnderstandDifferentlyIsRefused) {
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const auto& bytes : {
           post("Content-Length: 1\r\n" + chunked, "1\r\na\r\n0\r\n\r\n"),
           post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"),
           post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
           post("Content-Length: +1\r\n", "a"),
           post("Content-Length: 0x1\r\n", "a"),
           post("Content-Length: 1, 1\r\n", "a"),
           post("Content-Length: -1\r\n", "a"),
           post("Content-Length: 18446744073709551617\r\n", "a"),
           post("Content-Length:\r\n", "a"),
           post("Content-Length : 1\r\n", "a"),
           post(chunked + chunked, "0\r\n\r\n"),
           post("X: a\r\n b\r\n"),
           post("X: a\nY: b\r\n"),
           post("X: a\rb\r\n"),
           post(std::string("X: a\0b\r\n", 8)),
           post("No colon\r\n"),
           post(": empty\r\n"),
           std::string("GET /x HTTP/1.1\n\n"),
           std::string("GET /x\r\n\r\n"),
           std::string("GET /x HTTP/1.1\r\n\r\n"),
           std::string("GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
           std::string("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
           std::string("\x16\x03\x01\x02\r\n\r\n"),
           post(chunked, "-1\r\n"),
           post(chunked, "\r\n"),
           post(chunked, "ffffffffffffffffff\r\n"),
           post(chunked, "3\r\nabcd\r\n0\r\n\r\n"),
           post(chunked, "1;" + std::string(100'000, 'x')),
       })
    EXPECT_EQ(status_of(bytes), 400) << bytes.substr(0, 120);
}

TEST(RequestReader, WhatIsUnderstoodButNotDoneHasItsOwnStatus) {
  EXPECT_EQ(status_of(post("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(status_of(post("Transfer-Encoding: xchunked\r\n")), 501);
  EXPECT_EQ(status_of(post("Content-Encoding: gzip\r\nContent-Length: 0\r\n")), 415);
  EXPECT_EQ(status_of(post("Expect: 200-ok\r\nContent-Length: 0\r\n")), 417);
  EXPECT_EQ(status_of("GET / HTTP/3.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status_of(post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n")), 413);
}

TEST(RequestReader, EveryLimitHoldsAtItsValueAndOnePastIt) {
  const HttpLimits limits{.request_line_bytes = 40, .header_bytes = 200, .headers = 4, .body_bytes = 10};
  const std::string line = "GET / HTTP/1.1";  // 14 bytes
  EXPECT_EQ(status_of(get("/" + std::string(26, 'a')), limits), 0);
  EXPECT_EQ(status_of(get("/" + std::string(27, 'a')), limits), 414);
  EXPECT_EQ(status_of("GET /" + std::string(500, 'a'), limits), 414) << "a line without an end";

  const std::size_t without = post("X: \r\n").size();
  EXPECT_EQ(status_of(post("X: " + std::string(200 - without, 'a') + "\r\n"), limits), 0);
  EXPECT_EQ(status_of(post("X: " + std::string(201 - without, 'a') + "\r\n"), limits), 431);
  EXPECT_EQ(status_of(post("A: b\r\nA: b\r\nA: b\r\n"), limits), 0);
  EXPECT_EQ(status_of(post("A: b\r\nA: b\r\nA: b\r\nA: b\r\n"), limits), 431);

  EXPECT_EQ(status_of(post("Content-Length: 10\r\n", "0123456789"), limits), 0);
  EXPECT_EQ(status_of(post("Content-Length: 11\r\n", ""), limits), 413) << "before it is sent";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(status_of(post(chunked, "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n"), limits), 0);
  EXPECT_EQ(status_of(post(chunked, "5\r\nabcde\r\n6\r\nabcdef\r\n0\r\n\r\n"), limits), 413);
}

TEST(RequestReader, AllBodiesTogetherAreBoundedUntilTheyAreHandled) {
  ByteBudget bodies(10);
  RequestReader first({}, bodies), second({}, bodies);
  ASSERT_EQ(first.push(post("Content-Length: 7\r\n", "1234567")), State::done);
  auto request = std::make_optional(first.take());
  EXPECT_EQ(second.push(post("Content-Length: 4\r\n", "123")), State::body) << "ten are there";
  EXPECT_EQ(second.push("4"), State::bad);
  EXPECT_EQ(second.error().status, 503);
  request.reset();
  EXPECT_EQ(bodies.used(), 3U);
  EXPECT_EQ(first.push(post("Content-Length: 7\r\n", "1234567")), State::done) << "there is room again";
  RequestReader third({}, bodies);
  EXPECT_EQ(third.push(post("Content-Length: 1\r\n", "1")), State::bad);
}

TEST(RequestReader, AClientThatWaitsForLeaveToSendIsNoticedOnce) {
  ByteBudget bodies(100);
  RequestReader reader({}, bodies);
  EXPECT_EQ(reader.push(post("Expect: 100-Continue\r\nContent-Length: 2\r\n")), State::body);
  EXPECT_TRUE(reader.expects_continue());
  EXPECT_FALSE(reader.expects_continue());
  EXPECT_EQ(reader.push("ab"), State::done);
}

TEST(RequestReader, TheStateSaysHowFarItIs) {
  ByteBudget bodies(100);
  RequestReader reader({}, bodies);
  EXPECT_EQ(reader.push(""), State::idle);
  EXPECT_EQ(reader.push("\r\n"), State::idle) << "an empty line before a request";
  EXPECT_EQ(reader.push("GET"), State::headers);
  EXPECT_EQ(reader.push(" / HTTP/1.0\r\nContent-Length: 1\r\n\r\n"), State::body);
  EXPECT_EQ(reader.push("x"), State::done);
  const HttpRequest request = reader.take();
  EXPECT_TRUE(request.http_1_0);
  EXPECT_FALSE(request.keep_alive);
}

TEST(PercentDecode, OnlyWholeEscapes) {
  std::string out;
  EXPECT_TRUE(percent_decode("a%2Fb%00", out));
  EXPECT_EQ(out, std::string("a/b\0", 4));
  for (const auto* text : {"%", "%2", "%2g", "%-1", "a%"}) EXPECT_FALSE(percent_decode(text, out)) << text;
}

}  // namespace
}  // namespace dsa::server
